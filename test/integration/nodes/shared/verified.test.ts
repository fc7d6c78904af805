import { expect, it } from 'vitest';

import { recordVerification, verifyBackup } from '../../../../engine';
import { verificationOf } from '../../../../nodes/shared/verified';
import { temporaryStorage, writeSample } from '../../archive/support';

it('shows of a backup when it was verified, how deep, and with what verdict', async () => {
	const { storage } = temporaryStorage();
	const { key, manifest } = await writeSample(storage);
	const backup = { key, id: manifest.id };
	expect(await verificationOf(storage, backup)).toBeNull();
	const report = await verifyBackup({ storage, key, level: 'integrity' });
	await recordVerification(storage, { ...report, verdict: 'incomplete', reached: undefined });
	expect(await verificationOf(storage, backup)).toBeNull();
	const passed = await recordVerification(storage, report);
	expect(await verificationOf(storage, backup)).toEqual({ at: passed!.at, level: 'integrity', verdict: 'passed' });
	const failed = { ...report, verdict: 'failed' as const, requested: 'content' as const, reached: undefined };
	await recordVerification(storage, { ...failed, duration: report.duration + 1000 });
	expect(await verificationOf(storage, backup)).toMatchObject({ level: 'content', verdict: 'failed' });
});
