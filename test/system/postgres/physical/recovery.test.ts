import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { inParallel } from '../../../../engine/parallel';
import { targetText, type RecoveryTarget } from '../../../../engine/postgres/physical/recover';
import { noise } from '../../../random/bytes';
import {
	expectedRows,
	writeNumberedRows,
	type NumberedRows,
} from '../../../integration/postgres/physical/recover/numbered-rows';
import { recoverInto, startRecovered } from '../../../integration/postgres/physical/recover/recovered-server';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import type { PostgresServer } from '../../../services/postgres';
import { postgresProgram } from '../../../services/postgres-binaries';

/** Of each version; together fifty. */
const RECOVERIES = 25;

/** A target between the end of the first base backup and the last row, the same for one seed. */
function drawTarget({ rows, firstBase }: NumberedRows, draw: (below: number) => number): RecoveryTarget {
	const last = rows.at(-1)!;
	const inclusive = draw(2) === 0;
	if (draw(2) === 0) {
		const time = firstBase.time + draw(last.committed - firstBase.time);
		return { type: 'time', time, inclusive };
	}
	const lsn = firstBase.endLsn + BigInt(draw(Number(last.endLsn - firstBase.endLsn)));
	return { type: 'lsn', lsn, inclusive };
}

describe.each([15, 18] as const)('a cluster of PostgreSQL %d that rows were committed to all the time', (version) => {
	const folder = temporaryFolder(`recovery-${version}`);
	afterAll(() => removeFolder(folder));

	test('comes back at any second and any place of its log with exactly the rows committed by then', async () => {
		// What a server must not obey, so that pg_verifybackup judges the manifest of a directory in which lines were left out.
		const configuration = ({ dataDir }: PostgresServer) =>
			`data_directory = '${dataDir}'\nhba_file = '/nowhere/pg_hba.conf'\n`;
		const written = await writeNumberedRows(version, join(folder, 'storage'), { configuration });
		const { server, storage } = written;
		try {
			const bytes = noise(`recoveries of ${version}`);
			const draw = (below: number) => Number(bytes(8).readBigUInt64LE() % BigInt(Math.max(1, below)));
			const targets = Array.from({ length: RECOVERIES }, () => drawTarget(written, draw));
			await inParallel(targets.entries(), 3, async ([index, target]) => {
				const action = index % 2 === 0 ? 'pause' : 'promote';
				const at = await recoverInto(folder, `data-${index}`, { storage, target, action });
				if (version === 15 && index === 0) {
					const judge = ['--no-parse-wal', '--ignore=wal_restore', at.folder];
					execFileSync(postgresProgram(15, 'pg_verifybackup'), judge);
				}
				const recovered = await startRecovered(server, at, action === 'pause' ? 'paused' : 'promoted');
				try {
					const found = (await recovered.query('SELECT id FROM rows ORDER BY id')).map(({ id }) => id);
					expect(found, `${targetText(target)} ${JSON.stringify(at.recovered.plan.bases.length)}`).toEqual(
						expectedRows(written, target),
					);
				} finally {
					await recovered.stop();
					removeFolder(at.folder);
				}
			});
		} finally {
			await server.stop();
		}
	});
});
