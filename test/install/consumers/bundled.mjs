// Bundled: an op, a derivative, a method (methods are added when the package loads), and the registry, which other modules fill.
import { grad, linalg, registry, tensor } from "backsolve";

const l = linalg.cholesky(tensor([[4, 1], [1, 3]]));
const gradient = grad((x) => linalg.logdet(x))(tensor([[4, 0], [0, 16]]));
console.log(l.at(0, 0), gradient.toArray().join(), tensor([3, 1]).add(2).toArray().join());
console.log(registry.list().length, "ops");
