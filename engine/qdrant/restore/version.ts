import { BackupError } from '../../errors';

/**
 * Qdrant reads a snapshot of its own minor version and of the one before (https://qdrant.tech/documentation/concepts/
 * snapshots: "Snapshots generated in one Qdrant cluster can only be restored to other Qdrant clusters that share the same
 * minor version"; https://qdrant.tech/documentation/guides/administration: storage of the minor version before is
 * compatible). Patch versions do not matter.
 * @throws BackupError UNSUPPORTED_VERSION
 */
export function assertVersion(made: string, server: string): void {
	const [from, to] = [minorOf(made), minorOf(server)];
	if (!from || !to || (from.major === to.major && to.minor - from.minor >= 0 && to.minor - from.minor <= 1)) return;
	throw new BackupError(
		'UNSUPPORTED_VERSION',
		`The snapshot was made by Qdrant ${made}; the server is Qdrant ${server}, which may not read it.`,
		{
			hint: `Restore it into Qdrant ${from.major}.${from.minor} or ${from.major}.${from.minor + 1}; upgrade that server one minor version at a time.`,
		},
	);
}

/** Undefined for a build without a number, which is left to the server. */
function minorOf(version: string): { major: number; minor: number } | undefined {
	const [, major, minor] = /^v?(\d+)\.(\d+)\./.exec(version) ?? [];
	return major === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}
