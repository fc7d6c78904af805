/**
 * The names under which files are written beside their places until they are whole, and what runs that were killed have left
 * under such names. Nobody knows whether a run elsewhere is still at work, but one that is changes its files all the time: so
 * what was not changed for a day is stale, whatever times it was given. Clocks may be hours apart, those of network shares too.
 */
import { randomBytes } from 'node:crypto';
import { lstat, opendir, rm } from 'node:fs/promises';

const PARTIAL = /(?:^|\/)\.[0-9a-f]{12}\.partial$/;
const STALE_AFTER_NS = 24n * 60n * 60n * 1_000_000_000n;

const NAMES = 2 ** 48;
/** Where the names of this process begin; they follow each other, for a random one for each small file takes a while. */
let last = randomBytes(6).readUIntBE(0, 6);

/** `.0123456789ab.partial` */
export function partialName(): string {
	last = (last + 1) % NAMES;
	return `.${last.toString(16).padStart(12, '0')}.partial`;
}

/** @param name of a file, with or without folders before it */
export function isPartial(name: string): boolean {
	return PARTIAL.test(name);
}

/** Whether what has such a name was left by a run that was killed. */
export function isStalePartial(stat: { ctimeNs: bigint; isDirectory(): boolean }): boolean {
	return !stat.isDirectory() && BigInt(Date.now()) * 1_000_000n - stat.ctimeNs > STALE_AFTER_NS;
}

/** Removes stale partial files that lie in a folder itself. What cannot be removed stays, for it stands in nobody's way. */
export async function clearStalePartials(folder: Buffer): Promise<void> {
	try {
		for await (const { name } of await opendir(folder)) {
			if (!isPartial(name)) continue;
			const file = Buffer.concat([folder, Buffer.from(`/${name}`)]);
			if (isStalePartial(await lstat(file, { bigint: true }))) await rm(file, { force: true });
		}
	} catch {
		// It is not ours to read, or gone meanwhile.
	}
}
