import type { Row } from "./row";

export const workloads: readonly Row[] = [];
