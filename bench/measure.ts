// One cell: all sides in alternation until the ratio to the best peer is known well enough.
import { type Cell, rowOf } from "./cells";
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
  /** Theirs over ours, and its interval of 95 %, which takes six rounds. */
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

const ROUNDS_BEFORE_A_RACE_IS_LOST = 3;
const LOST = 1.5;

/** Four digits are more than any measurement has. */
const short = (x: number): number => Number(x.toPrecision(4));

/** A side in a cell: its samples so far. */
class Runner {
  readonly samples: number[] = [];
  private readonly faults: number[] = [];
  private calls = 1;

  constructor(
    readonly name: string,
    private readonly party: Party,
    private readonly first: number,
    private readonly rules: Rules,
  ) {}

  /** Doubles the calls of a sample until it lasts long enough, and so warms up. */
  async warm(): Promise<void> {
    for (let all = 0, once = 0; all < 3 * this.rules.sample && once < this.rules.seconds / 30; ) {
      const { wall } = await this.take();
      all += once = wall;
      if (wall < this.rules.sample)
        this.calls = wall < this.rules.sample / 4 ? this.calls * 2 : Math.ceil((this.calls * this.rules.sample) / wall);
    }
  }
  async sample(): Promise<void> {
    const timed = await this.take();
    this.samples.push(timed[this.rules.clock] / this.calls);
    this.faults.push(timed.faults / this.calls);
  }
  side(): Side {
    return { seconds: short(median(this.samples)), faults: short(median(this.faults)), first: short(this.first) };
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

async function runners(cell: Cell, own: Party, peers: readonly Party[], sets: readonly Operands[], rules: Rules) {
  const { op, n, batch, dtype, way } = cell;
  const request: Prepare = { do: "prepare", op, n, batch, dtype, way, sets };
  const answer: Prepared | Failed = await own.prepare(request);
  if (!("first" in answer)) throw new Error(`backsolve, ${op}: ${JSON.stringify(answer)}`);
  const trouble: Record<string, string> = {};
  const racing: Runner[] = [];
  for (const p of peers) {
    const theirs = await p.prepare(request);
    if ("skip" in theirs) continue;
    const why = "error" in theirs ? theirs.error : disagreement(cell, answer.sums, theirs.sums);
    if ("error" in theirs || why) trouble[p.hello.name] = why as string;
    else racing.push(new Runner(p.hello.name, p, theirs.first, rules));
  }
  return { mine: new Runner("backsolve", own, answer.first, rules), racing, trouble };
}

const interval = (mine: Runner, r: Runner) => ratioInterval(r.samples, mine.samples.slice(0, r.samples.length));
const best = (mine: Runner, racing: readonly Runner[]) =>
  racing.reduce((p, q) => (interval(mine, q).middle < interval(mine, p).middle ? q : p));

/** ABAB, turned round in every second round. A peer that is far behind another after a few rounds runs no more. */
export async function measure(cell: Cell, own: Party, peers: readonly Party[], sets: readonly Operands[], rules: Rules): Promise<Measured> {
  const until = performance.now() + rules.seconds * 1000;
  const { mine, racing, trouble } = await runners(cell, own, peers, sets, rules);
  for (const r of [mine, ...racing]) await r.warm();
  let running: readonly Runner[] = racing;
  const settled = (): boolean => racing.length === 0 || within(interval(mine, best(mine, racing)), rules.share);
  for (let round = 1; ; round++) {
    const order = [mine, ...running];
    for (const r of round % 2 ? order : order.reverse()) await r.sample();
    if (round < ROUNDS_BEFORE_A_RACE_IS_LOST) continue;
    if ((round >= 6 && settled()) || performance.now() > until) break;
    if (racing.length === 0) continue;
    const fastest = median(best(mine, racing).samples);
    running = running.filter((r) => median(r.samples) < LOST * fastest);
  }
  const against = (r: Runner): Against => {
    const { middle, low, high } = interval(mine, r);
    const known = Number.isFinite(high) ? { interval: [short(low), short(high)] as const } : {};
    return { ...r.side(), ratio: short(middle), ...known, rounds: r.samples.length };
  };
  return { ours: mine.side(), peers: Object.fromEntries(racing.map((r) => [r.name, against(r)])), trouble, settled: settled() };
}
