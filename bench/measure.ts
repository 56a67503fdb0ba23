// One cell: all sides in alternation until the ratio to the best peer is known well enough.
import { asked, type Cell, rowOf } from "./cells";
import type { Operands } from "./data";
import type { Party } from "./party";
import type { Failed, Prepare, Prepared, Timed } from "./protocol";
import { median, ratioInterval, within } from "./statistics";

export interface Rules {
  /** Seconds that a cell may take, and that a sample should. */
  readonly seconds: number;
  readonly sample: number;
  /** The share of the ratio that its interval may lie off. */
  readonly share: number;
  readonly clock: "wall" | "cpu";
}
export interface Side {
  /** Seconds of one call: the median. */
  readonly seconds: number;
  readonly faults: number;
  /** Seconds of the first call, with tracing and compiling. */
  readonly first: number;
}
export interface Against extends Side {
  /** Theirs over ours, and its interval of 95 %: of those that ran to the end. */
  readonly ratio: number;
  readonly interval?: readonly [low: number, high: number];
  readonly rounds: number;
}
export interface Measured {
  readonly ours: Side;
  readonly peers: Readonly<Record<string, Against>>;
  /** Of peers that answered otherwise than we did, or failed: why. */
  readonly trouble: Readonly<Record<string, string>>;
  /** Whether the interval to the best peer is within the share asked for. */
  readonly settled: boolean;
}

/** A peer this many times slower than another is out: at the end of warming up, and after these rounds. */
const HOPELESS = 3;
const ROUNDS_BEFORE_A_RACE_IS_LOST = 3;
const LOST = 1.5;
/** Warm: so many samples in a row are no faster than that share of the best; seconds that are enough in any case. */
const STEADY = 6;
const FASTER = 0.02;
const MOST_WARMING = 1.5;
/** Rounds that an interval takes. */
const LEAST = 6;

export type Player = Pick<Party, "hello" | "prepare" | "time">;

/** Four digits are more than any measurement has. */
const short = (x: number): number => Number(x.toPrecision(4));

/** A side in a cell: its samples so far. */
class Runner {
  readonly samples: number[] = [];
  private readonly faults: number[] = [];
  private calls = 1;
  private warmed: Timed = { wall: 0, cpu: 0, faults: 0 };

  constructor(
    readonly name: string,
    private readonly party: Player,
    private readonly first: number,
    private readonly rules: Rules,
  ) {}

  /** Until samples become no faster: compilers of JavaScript and of Python's frameworks work as calls go by, some for thousands of them. */
  async warm(): Promise<void> {
    await this.lengthen();
    const { seconds, clock } = this.rules;
    let [best, left] = [this.warmed[clock], Math.min(MOST_WARMING, seconds / 4) - this.warmed.wall];
    for (let since = 0; since < STEADY && left > 0; since++) {
      this.warmed = await this.take();
      left -= this.warmed.wall;
      if (this.warmed[clock] > (1 - FASTER) * best) continue;
      best = this.warmed[clock];
      since = 0;
    }
  }
  /** Doubles the calls of a sample until it lasts long enough. */
  private async lengthen(): Promise<void> {
    for (let all = 0, once = 0; all < 6 * this.rules.sample && once < this.rules.seconds / 60; ) {
      this.warmed = await this.take();
      const { wall } = this.warmed;
      all += once = wall;
      if (all >= 6 * this.rules.sample) break;
      if (wall < this.rules.sample)
        this.calls = wall < this.rules.sample / 4 ? this.calls * 2 : Math.ceil((this.calls * this.rules.sample) / wall);
    }
  }
  async sample(): Promise<void> {
    const timed = await this.take();
    this.samples.push(timed[this.rules.clock] / this.calls);
    this.faults.push(timed.faults / this.calls);
  }
  /** Seconds of a call: the median, or what warming up ended with. */
  seconds(): number {
    return this.samples.length > 0 ? median(this.samples) : this.warmed[this.rules.clock] / this.calls;
  }
  side(): Side {
    const faults = this.samples.length > 0 ? median(this.faults) : this.warmed.faults / this.calls;
    return { seconds: short(this.seconds()), faults: short(faults), first: short(this.first) };
  }
  private async take(): Promise<Timed> {
    const timed = await this.party.time(this.calls);
    if ("error" in timed) throw new Error(timed.error);
    return timed;
  }
}

/** Sums of absolute values agree to this, relatively: far coarser than rounding, far finer than a wrong op. */
const agreed = (dtype: Cell["dtype"]): number => (dtype === "float64" ? 1e-6 : 1e-2);
function disagreement(cell: Cell, own: readonly number[], theirs: readonly number[]): string | undefined {
  const { outputs, signs } = rowOf(cell.op);
  const compared = signs ? outputs.length : own.length;
  if (theirs.length !== own.length) return `${theirs.length} results instead of ${own.length}`;
  for (let i = 0; i < compared; i++) {
    const [x, y] = [own[i] as number, theirs[i] as number];
    if (!(Math.abs(x - y) <= agreed(cell.dtype) * Math.abs(x))) return `result ${i} sums to ${y} instead of ${x}`;
  }
  return undefined;
}

async function runners(cell: Cell, own: Player, peers: readonly Player[], sets: readonly Operands[], rules: Rules) {
  const { op, n, batch, dtype, way } = cell;
  const request: Prepare = { do: "prepare", op, n, batch, dtype, way, sets };
  const theirRequest: Prepare = { ...request, way: asked(way) };
  const answer: Prepared | Failed = await own.prepare(request);
  if (!("first" in answer)) throw new Error(`backsolve, ${op}: ${JSON.stringify(answer)}`);
  const trouble: Record<string, string> = {};
  const racing: Runner[] = [];
  for (const p of peers) {
    const theirs = await p.prepare(theirRequest);
    if ("skip" in theirs) continue;
    const why = "error" in theirs ? theirs.error : disagreement(cell, answer.sums, theirs.sums);
    if ("error" in theirs || why) trouble[p.hello.name] = why as string;
    else racing.push(new Runner(p.hello.name, p, theirs.first, rules));
  }
  return { mine: new Runner("backsolve", own, answer.first, rules), racing, trouble };
}

const interval = (mine: Runner, r: Runner) => ratioInterval(r.samples, mine.samples);
/** By pairs, as phases in which the machine is slow take all sides alike. */
const ratioOf = (mine: Runner, r: Runner): number => (r.samples.length > 0 ? interval(mine, r).middle : r.seconds() / mine.seconds());
const bestOf = (mine: Runner, racing: readonly Runner[]) => racing.reduce((p, q) => (ratioOf(mine, q) < ratioOf(mine, p) ? q : p));
function remaining(mine: Runner, racing: readonly Runner[], times: number): readonly Runner[] {
  const least = Math.min(...racing.map((r) => ratioOf(mine, r)));
  return racing.filter((r) => ratioOf(mine, r) < times * least);
}

/** ABAB, turned round in every second round. A peer that is far behind another runs no more. */
export async function measure(
  cell: Cell,
  own: Player,
  peers: readonly Player[],
  sets: readonly Operands[],
  rules: Rules,
): Promise<Measured> {
  const until = performance.now() + rules.seconds * 1000;
  const { mine, racing, trouble } = await runners(cell, own, peers, sets, rules);
  for (const r of [mine, ...racing]) await r.warm();
  let running = remaining(mine, racing, HOPELESS);
  const settled = (): boolean => running.length === 0 || within(interval(mine, bestOf(mine, running)), rules.share);
  for (let round = 1; ; round++) {
    const order = [mine, ...running];
    for (const r of round % 2 ? order : order.reverse()) await r.sample();
    if ((round >= LEAST && settled()) || (round >= ROUNDS_BEFORE_A_RACE_IS_LOST && performance.now() > until)) break;
    if (round >= ROUNDS_BEFORE_A_RACE_IS_LOST) running = remaining(mine, running, LOST);
  }
  const against = (r: Runner): Against => {
    const rounds = r.samples.length;
    if (!running.includes(r)) return { ...r.side(), ratio: short(r.seconds() / mine.seconds()), rounds };
    const { middle, low, high } = interval(mine, r);
    const known = Number.isFinite(high) ? { interval: [short(low), short(high)] as const } : {};
    return { ...r.side(), ratio: short(middle), ...known, rounds };
  };
  return { ours: mine.side(), peers: Object.fromEntries(racing.map((r) => [r.name, against(r)])), trouble, settled: settled() };
}
