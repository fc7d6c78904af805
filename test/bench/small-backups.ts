import { createHash } from 'node:crypto';

import type { Manifest } from '../../engine/archive';

const NAMES = 50;
const HOUR_MS = 3_600_000;
const CONTENT = 'x';

/** The backup of a number: hourly backups of fifty databases, the newest first, with manifests as long as those of usual ones. */
export function smallBackup(index: number): { manifest: Manifest; content: string } {
	const hash = 'a'.repeat(64);
	const part = { type: 'data', offset: 0, length: 1000, rawLength: 9000, sha256: hash, table: 0, rows: 100 };
	const name = `shop${index % NAMES}`;
	const startedAt = new Date(Date.UTC(2026, 0, 1) - Math.floor(index / NAMES) * HOUR_MS).toISOString();
	const file = `${name}_${startedAt.slice(0, 19).replace(/[-:]/g, '').replace('T', '_')}.sql.zst`;
	const manifest: Manifest = {
		formatVersion: 2,
		id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
		kind: 'postgres',
		name,
		file,
		folder: 'postgres',
		startedAt,
		finishedAt: startedAt,
		source: { system: 'postgresql', version: '18.0', host: 'db.example.com', port: 5432 },
		tool: { name: 'n8n-nodes-stack-backup', version: '0.1.0' },
		codec: { name: 'zstd', level: 3 },
		encryption: null,
		size: { raw: 180_000, compressed: 20_000, stored: CONTENT.length },
		sha256: createHash('sha256').update(String(index)).digest('hex'),
		parts: Array.from({ length: 20 }, (_, number) => ({ ...part, offset: number * 1000 })),
		tables: [{ schema: 'public', name: 'orders', rows: 2000, bytes: 180_000 }],
		counts: { tables: 1, rows: 2000 },
		options: {},
		warnings: [],
		tags: [],
	};
	return { manifest, content: CONTENT };
}
