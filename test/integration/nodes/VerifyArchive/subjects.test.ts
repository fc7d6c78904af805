import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { createArchive, manifestKeyOf } from '../../../../engine';
import { subjectsOf } from '../../../../nodes/VerifyArchive/subjects';
import type { VerifySettings } from '../../../../nodes/VerifyArchive/verifySettings';
import { archiveOptions, DETAILS, temporaryStorage } from '../../archive/support';
import { withFields } from '../../../unit/nodes/VerifyArchive/support';

const HOUR_MS = 3_600_000;

it('takes last what is not to be believed, which in a limited run would keep all others from their turn', async () => {
	const { root, storage } = temporaryStorage();
	const write = async (hoursAgo: number, encryption?: { passphrase: string }) => {
		const startedAt = new Date(Date.now() - hoursAgo * HOUR_MS);
		const options = { ...archiveOptions(storage), startedAt, ...(encryption && { encryption }) };
		const writer = await createArchive(options);
		await writer.commit(DETAILS);
		return writer.key;
	};
	const plain = await write(1);
	const damaged = await write(2);
	const genuine = await write(3, { passphrase: 'correct horse' });
	const ofAnother = await write(4, { passphrase: 'battery staple' });
	writeFileSync(join(root, manifestKeyOf(damaged)), '{');

	const context = { ...withFields({ filters: {}, days: 7 }), getExecutionCancelSignal: () => undefined };
	const trust = { passphrase: 'correct horse', requireEncryption: true };
	for (const which of ['all', 'newest', 'due'] as const) {
		const settings = { which, level: 'content', prefix: '' } as VerifySettings;
		const subjects = await subjectsOf(context, 0, storage, settings, trust);
		const keys = subjects.map((subject) => ('entry' in subject ? subject.entry.key : 'key' in subject && subject.key));
		expect(keys.slice(0, 2)).toEqual([manifestKeyOf(damaged), genuine]);
		expect(keys.slice(2).sort()).toEqual([plain, ofAnother].map(manifestKeyOf).sort());
	}
});
