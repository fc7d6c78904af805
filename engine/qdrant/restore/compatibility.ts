import { isDeepStrictEqual } from 'node:util';

import { BackupError } from '../../errors';
import { findShards } from '../server/shards';
import type { Topology } from '../server/topology';
import type { CollectionShape } from './source';

/** What stands in the way of restoring a backup over a collection as it stands; undefined where nothing does. */
export async function incompatibility(
	topology: Topology,
	collection: string,
	shape: CollectionShape,
	signal?: AbortSignal,
): Promise<string | undefined> {
	const { config } = await topology.client.collection(collection, signal);
	for (const setting of ['vectors', 'sparse_vectors', 'sharding_method']) {
		const [now, then] = [config.params[setting], shape.config.params[setting]].map(bare);
		if (!isDeepStrictEqual(now, then)) {
			return `its ${setting} are ${JSON.stringify(now ?? {})}, the backup's ${JSON.stringify(then ?? {})}`;
		}
	}
	return shardIncompatibility(await findShards(topology, collection, signal), shape);
}

/** Points are spread over the shards by their ids, so numbers and keys of the shards must be the same. */
export function shardIncompatibility(
	shards: { id: number; key?: string | number }[],
	shape: CollectionShape,
): string | undefined {
	const describe = (list: { id: number; key?: string | number }[]) =>
		list.map(({ id, key }) => (key === undefined ? String(id) : `${id} (${key})`)).sort();
	const [now, then] = [describe(shards), describe(shape.shards)];
	return isDeepStrictEqual(now, then) ? undefined : `its shards are ${now.join(', ')}, the backup's ${then.join(', ')}`;
}

/** Throws INVALID_INPUT where a backup does not fit an existing collection; nothing has been changed then. */
export async function assertCompatible(
	topology: Topology,
	collection: string,
	shape: CollectionShape,
	signal?: AbortSignal,
): Promise<void> {
	const found = await incompatibility(topology, collection, shape, signal);
	if (found === undefined) return;
	throw new BackupError('INVALID_INPUT', `The backup does not fit the collection ${collection}: ${found}.`, {
		hint: 'Restore it into a new collection, or by a safe swap, which makes the collection anew and keeps the old one.',
	});
}

/** Without nulls and empty objects: servers tell unset values now this way and now that. */
export function bare(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(bare);
	if (typeof value !== 'object' || value === null) return value ?? undefined;
	const entries = Object.entries(value)
		.map(([key, inner]) => [key, bare(inner)] as const)
		.filter(([, inner]) => inner !== undefined);
	return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

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
