import { withoutOptions } from "../core/attrs";
import { isFloat } from "../core/dtype";
import { flattenTensors } from "../core/tree";
import { reshape } from "../ops/structure";
import { internControl } from "../program/intern";
import { type Arguments, asFunction } from "../transforms/arguments";
import { applyControl } from "./rows";
import { traceTree, typeOfTensor } from "./trees";

/**
 * f, of which reverse mode keeps the arguments and nothing between them and the result: what it needs of that it computes again. Values and
 * derivatives are those of f.
 */
export const checkpoint = withoutOptions(
  "checkpoint",
  1,
  <P extends readonly unknown[], R>(f: (...args: P) => R): ((...args: Arguments<P>) => R) => {
    asFunction("checkpoint", f);
    return (...args) => {
      const flat = flattenTensors("checkpoint", args);
      const { body, captures, out } = traceTree("checkpoint", flat.leaves.map(typeOfTensor), (leaves) =>
        flattenTensors("checkpoint", f(...(flat.rebuild(leaves) as P))),
      );
      // A loop of one run that goes over nothing. The sum of one run's result is it.
      const sums = out.leaves.map((t) => isFloat(t.dtype));
      const loop = internControl({ kind: "loop", name: "checkpoint", body, length: 1, reverse: false, carries: 0, mapped: 0, sums });
      const results = applyControl(loop, [...flat.leaves, ...captures]);
      return out.rebuild(results.map((y, i) => (sums[i] ? y : reshape(y, y.shape.slice(1))))) as R;
    };
  },
);
