// All functions of which there are golden values.
import type { Case } from "./golden";
import { others } from "./others";
import { scans } from "./scans";

export const functions: Readonly<Record<string, Case>> = { ...scans, ...others };
