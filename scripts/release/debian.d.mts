export function debsIn(folder: string, packages: readonly string[]): (string | undefined)[];
export function download(folder: string, architecture: string, packages: readonly string[]): string[];
export function unpack(debs: readonly (string | undefined)[], root: string): void;
export function versionOf(deb: string): string;
