import { expect, it } from 'vitest';

import { roomFindings } from '../../../engine/qdrant/preflight/room';

const GB = 1e9;

/** The telemetry of a server with a disk of 100 GB and 64 GB of memory. */
function told(collections: Array<{ id: string; vectors: number; payloads: number; onDisk?: boolean }>) {
	return {
		app: { system: { disk_size: (100 * GB) / 1024, ram_size: (64 * GB) / 1024 } },
		collections: {
			collections: collections.map(({ id, vectors, payloads, onDisk = false }) => ({
				id,
				config: { params: { vectors: { size: 4, distance: 'Dot', on_disk: onDisk } } },
				shards: [{ local: { vectors_size_bytes: vectors, payloads_size_bytes: payloads } }, { local: null }],
			})),
		},
	};
}

it('a snapshot that has no room on the disk, and a copy that has none in memory, are told; what cannot be known is not', () => {
	const found = (...collections: Parameters<typeof told>[0]) =>
		roomFindings(told(collections), 'db').map(({ check, level, what }) => `${check}: ${level}: ${what}`);
	expect(found({ id: 'docs', vectors: 10 * GB, payloads: 10 * GB })).toEqual([]);
	expect(found({ id: 'docs', vectors: 40 * GB, payloads: 20 * GB, onDisk: true })).toEqual([
		'Room for Snapshots: warning: The collections take 60.0 GB of a disk of 100.0 GB, and a snapshot of docs takes 60.0 GB more until it is stored.',
	]);
	expect(found({ id: 'docs', vectors: 40 * GB, payloads: 0 })).toEqual([
		'Room in Memory: warning: The vectors in memory take 40.0 GB of 64.0 GB, and a safe swap of docs loads 40.0 GB more beside them.',
	]);
	// More than the whole disk: the data lie on another one than the server tells of.
	expect(found({ id: 'docs', vectors: 0, payloads: 200 * GB })).toEqual([]);
	expect(roomFindings(undefined, 'db')).toEqual([]);
	expect(roomFindings({ app: {} }, 'db')).toEqual([]);
});
