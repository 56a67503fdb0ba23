// backsolve's answers to the cases of peers.py, beside theirs.
//
//   node --import tsx tools/peers/ours.ts            prints the tables
//   node --import tsx tools/peers/ours.ts --write    and puts them into docs/peers.md
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { behaviours, brief } from "./behaviours";
import { derivative, waysOf } from "./cases";
import { errorOf, type Question, questions } from "./exact";

interface Answer {
  readonly answer: string;
  readonly error?: number;
  readonly form?: string;
}
interface Row {
  readonly section: string;
  readonly title: string;
  readonly order?: number;
  readonly tensorflow: Answer;
  readonly pytorch: Answer;
  readonly jax: Answer;
  readonly tensorflow2017?: Answer;
}
interface Answers {
  readonly versions: Readonly<Record<string, string>>;
  readonly cases: Readonly<Record<string, Row>>;
}
const root = join(__dirname, "../..");
const answers = JSON.parse(readFileSync(join(root, "tools/peers/answers.json"), "utf8")) as Answers;
const byId = new Map(questions.map((q) => [q.id, q]));

const RIGHT = 1e-9;
const POOR = 1e-4;
function verdict({ answer, error, form }: Answer): string {
  const suffix = form && form !== "Hermitian" ? ` (${form})` : "";
  if (error === undefined || answer === "zeros") return `${answer === "zeros" ? "wrong: zeros" : answer}${suffix}`;
  const text = error < 1e-15 ? "< 1e-15" : Number(error).toExponential(0).replace("e+", "e");
  return `${error <= RIGHT ? text : error <= POOR ? `inaccurate: ${text}` : `wrong: ${text}`}${suffix}`;
}

function ourAnswer(q: Question, loss: Parameters<typeof derivative>[1], order: number): string {
  try {
    return verdict({ answer: "", error: errorOf(derivative(q, loss, order), q.exact.get(order) as never) });
  } catch (error) {
    return `raises: ${error instanceof Error && "code" in error ? brief(error) : String(error)}`;
  }
}
function ours(id: string): string {
  const behaviour = behaviours[id];
  if (behaviour) return behaviour();
  const [name, order] = id.split("/") as [string, string];
  const q = byId.get(name);
  if (!q) throw new Error(`unknown case ${id}`);
  const ways = Object.entries(waysOf(name)).map(([way, loss]) => [way, ourAnswer(q, loss, Number(order))] as const);
  return ways.length === 1 ? (ways[0]?.[1] as string) : ways.map(([way, text]) => `\`${way}\` ${text}`).join("; ");
}

const ORDERS = ["", "gradient", "Hessian-vector product", "third derivative"];
const clean = (text: string) =>
  text
    .replaceAll("|", "\\|")
    .replaceAll(/raises: (ERR_\w+)/g, "raises `$1`")
    .replaceAll(/raises: (\w+): /g, "raises `$1`: ");
function table(section: string): string {
  const rows = Object.entries(answers.cases).filter(([, r]) => r.section === section);
  const dull = (id: string, r: Row) =>
    section === "empty" && [r.tensorflow, r.pytorch, r.jax].every((a) => a.answer === "right") && ours(id) === "right";
  const numbers = rows.some(([, r]) => r.order !== undefined);
  const old = rows.some(([, r]) => r.tensorflow2017);
  const head = [
    "case",
    ...(numbers ? ["asked for"] : []),
    ...(old ? ["formula of 2017"] : []),
    "TensorFlow",
    "PyTorch",
    "JAX",
    "backsolve",
  ];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const body = rows
    .filter(([id, r]) => !dull(id, r))
    .map(([id, r]) =>
      line([
        r.title,
        ...(numbers ? [ORDERS[r.order ?? 0] as string] : []),
        ...(old ? [r.tensorflow2017 ? verdict(r.tensorflow2017) : ""] : []),
        ...[r.tensorflow, r.pytorch, r.jax].map((a) => clean(verdict(a))),
        clean(ours(id)),
      ]),
    );
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...body].join("\n");
}

const path = join(root, "docs/peers.md");
const page = readFileSync(path, "utf8").replaceAll(/(<!-- table: (\w+) -->\n)[\s\S]*?(\n<!-- end -->)/g, (_, open, section, close) => {
  const text = table(section);
  console.log(`\n${section}\n\n${text}`);
  return `${open}${text}${close}`;
});
if (process.argv.includes("--write")) writeFileSync(path, page);
