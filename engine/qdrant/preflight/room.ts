/** Whether the server has room for a snapshot on its disk, and for a second copy of a collection in its memory. */
import { z } from 'zod';

import { finder, type SetupFinding } from '../../preflight';

/** The server tells kilobytes of both, of the machine that it runs on; of a container, those of its host. */
const telemetry = z.object({
	app: z.object({ system: z.object({ ram_size: z.number(), disk_size: z.number() }) }),
	collections: z.object({
		collections: z.array(
			z.object({
				id: z.string(),
				config: z.object({ params: z.object({ vectors: z.unknown() }) }),
				shards: z
					.array(
						z.object({
							local: z
								.object({ vectors_size_bytes: z.number().nullish(), payloads_size_bytes: z.number().nullish() })
								.nullish(),
						}),
					)
					.nullish(),
			}),
		),
	}),
});

interface Sized {
	name: string;
	/** Bytes of vectors and payloads. */
	bytes: number;
	/** Bytes of vectors, where the server keeps them in memory. */
	inMemory: number;
}

const GIGABYTE = 1e9;

/**
 * @param told what the server answered to a question for its telemetry, at level 3; of another shape nothing is known
 * @param about `db:6333`
 */
export function roomFindings(told: unknown, about: string): SetupFinding[] {
	const read = telemetry.safeParse(told);
	if (!read.success) return [];
	const { app, collections } = read.data;
	const sizes = collections.collections.map(({ id, config, shards }): Sized => {
		const local = (shards ?? []).flatMap((shard) => shard.local ?? []);
		const vectors = local.reduce((sum, shard) => sum + (shard.vectors_size_bytes ?? 0), 0);
		const payloads = local.reduce((sum, shard) => sum + (shard.payloads_size_bytes ?? 0), 0);
		return { name: id, bytes: vectors + payloads, inMemory: areOnDisk(config.params.vectors) ? 0 : vectors };
	});
	const disk = app.system.disk_size * 1024;
	const memory = app.system.ram_size * 1024;
	return [...diskFindings(sizes, disk, about), ...memoryFindings(sizes, memory, about)];
}

/** Settings of the only vector, or of each by its name. */
function areOnDisk(vectors: unknown): boolean {
	const settings = Object(vectors) as Record<string, unknown>;
	const all = 'size' in settings ? [settings] : Object.values(settings);
	return all.length > 0 && all.every((one) => (Object(one) as { on_disk?: unknown }).on_disk === true);
}

function largestBy(sizes: readonly Sized[], of: (size: Sized) => number): Sized | undefined {
	return [...sizes].sort((a, b) => of(b) - of(a))[0];
}

function diskFindings(sizes: readonly Sized[], disk: number, about: string): SetupFinding[] {
	const { warning } = finder('Room for Snapshots', about, 'backup');
	const all = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
	const largest = largestBy(sizes, ({ bytes }) => bytes);
	// Where all of it has no room, the disk that the server tells of is not the one that it keeps its data on.
	if (!largest || all > disk || all + largest.bytes <= disk) return [];
	return [
		warning(
			`The collections take ${inGigabytes(all)} of a disk of ${inGigabytes(disk)}, and a snapshot of ${largest.name} takes ${inGigabytes(largest.bytes)} more until it is stored.`,
			'Give Qdrant a larger disk, or its snapshots one of their own: storage.snapshots_path (QDRANT__STORAGE__SNAPSHOTS_PATH) and storage.temp_path.',
		),
	];
}

function memoryFindings(sizes: readonly Sized[], memory: number, about: string): SetupFinding[] {
	const { warning } = finder('Room in Memory', about, 'restore');
	const all = sizes.reduce((sum, { inMemory }) => sum + inMemory, 0);
	const largest = largestBy(sizes, ({ inMemory }) => inMemory);
	if (!largest || all > memory || all + largest.inMemory <= memory) return [];
	return [
		warning(
			`The vectors in memory take ${inGigabytes(all)} of ${inGigabytes(memory)}, and a safe swap of ${largest.name} loads ${inGigabytes(largest.inMemory)} more beside them.`,
			'Give the machine more memory, set on_disk for the vectors of the collection before it is backed up, or restore into another server.',
		),
	];
}

function inGigabytes(bytes: number): string {
	return `${(bytes / GIGABYTE).toFixed(1)} GB`;
}
