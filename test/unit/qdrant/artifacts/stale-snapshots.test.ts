import { expect, it } from 'vitest';

import { snapshotTime } from '../../../../engine/qdrant/artifacts/staleSnapshots';

it.each([
	['docs-4466304464839633-2026-11-21-09-05-09.snapshot', '2026-11-21T09:05:09.000Z'],
	['a-2020-01-01-00-00-00.snapshot-77-2026-11-21-09-05-09.snapshot', '2026-11-21T09:05:09.000Z'],
	['docs-shard-0-2026-11-21-09-05-43.snapshot', '2026-11-21T09:05:43.000Z'],
	['full-snapshot-2026-11-21-09-05-43.snapshot', '2026-11-21T09:05:43.000Z'],
	['stack-backup-upload-1.snapshot', undefined],
	['docs-1-2026-99-21-09-05-09.snapshot', undefined],
	['docs', undefined],
])('reads the time in %s', (name, expected) => {
	expect(snapshotTime(name)?.toISOString()).toBe(expected);
});
