import { describe, expect, it, vi } from 'vitest';

import { guardedBySettings } from '../../../../nodes/shared/fileAccess';
import { noticesTo, type StorageCredential, storageOf, type StorageUse } from '../../../../nodes/shared/storage';

const CREDENTIAL: StorageCredential = {
	type: 's3',
	endpoint: 'https://s3.example.com',
	bucket: 'nightly',
	accessKeyId: 'key',
	secretAccessKey: 'secret',
};
const RUN: StorageUse = { type: 'run', onNotice: () => {}, signal: undefined };

const open = async (more: object, use?: StorageUse) =>
	await storageOf({ ...CREDENTIAL, ...more }, guardedBySettings(), use);

describe('the Backup Storage credential', () => {
	it('is accepted as it was saved by versions that asked for less', async () => {
		for (const use of [RUN, undefined]) {
			expect((await open({}, use)).description).toBe('bucket nightly at s3.example.com');
		}
	});

	it.each<[object, RegExp]>([
		[{ outageSeconds: 0 }, /Outage Tolerance \(Seconds\) is 0/],
		[{ outageSeconds: 'soon' }, /Outage Tolerance/],
		[{ stallSeconds: 1 }, /Stall Timeout \(Seconds\) is 1/],
		[{ stallSeconds: null }, /Stall Timeout/],
		[{ maxParts: 0 }, /number of parts/],
		[{ maxParts: 10_001 }, /number of parts/],
		[{ partSize: 4 }, /part size/],
	])('is refused for a run where it says %j', async (wrong, message) => {
		await expect(open(wrong, RUN)).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			message: expect.stringMatching(message),
		});
	});
});

describe('an outage of the storage', () => {
	it('is told to the log and to the editor, and when it is over beside the result, a few times', () => {
		const context = { logger: { warn: vi.fn() }, sendMessageToUI: vi.fn(), addExecutionHints: vi.fn() };
		const tell = noticesTo(context as unknown as Parameters<typeof noticesTo>[0]);
		tell('It fails.', false);
		expect(context.logger.warn).toHaveBeenCalledWith('Backup Storage: It fails.');
		expect(context.sendMessageToUI).toHaveBeenCalledWith('It fails.');
		expect(context.addExecutionHints).not.toHaveBeenCalled();
		for (let round = 0; round < 20; round++) tell(`It works again (${round}).`, true);
		expect(context.addExecutionHints).toHaveBeenCalledTimes(5);
		expect(context.addExecutionHints.mock.calls[0]![0]).toMatchObject({
			message: 'It works again (0).',
			type: 'warning',
		});
	});
});
