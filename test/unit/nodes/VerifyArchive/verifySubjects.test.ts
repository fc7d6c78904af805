import { Readable } from 'node:stream';
import type { IExecuteFunctions } from 'n8n-workflow';
import { expect, it } from 'vitest';

import { BackupError, type Storage } from '../../../../engine';
import { verifySubjects } from '../../../../nodes/VerifyArchive/verifySubjects';
import type { VerifySettings } from '../../../../nodes/VerifyArchive/verifySettings';

const FILES = [{ file: 'a' }, { file: 'b' }, { file: 'c' }];

/** A storage of files that hold JSON, some of which it cannot be reached for; no real one fails so at a chosen moment. */
function storageWithout(...unreachable: string[]): Storage {
	const read = (key: string) => {
		if (!key.endsWith('.sha256')) return Promise.resolve(Readable.from([Buffer.from('{"a": 1}')]));
		return Promise.reject(new BackupError('STORAGE_MISSING', `There is no ${key}.`));
	};
	const stat = (key: string) => {
		if (!unreachable.includes(key)) return Promise.resolve({ key, size: 8, modifiedAt: new Date() });
		return Promise.reject(new BackupError('STORAGE_UNREACHABLE', 'The bucket is away.', { hint: 'Wait.' }));
	};
	return { description: 'test', read, stat } as unknown as Storage;
}

async function verified(storage: Storage, limits: Partial<VerifySettings> = {}) {
	const hints: string[] = [];
	const context = {
		logger: { info() {}, warn() {}, debug() {} },
		getExecutionCancelSignal: () => undefined,
		addExecutionHints: ({ message }: { message: string }) => hints.push(message),
	} as unknown as IExecuteFunctions;
	const unlimited = { maxBackups: Infinity, stopAfter: Infinity, records: true };
	const settings = { which: 'all', level: 'content', ...unlimited, ...limits } as VerifySettings;
	const run = { context, settings, storage, keepsRecords: false, keys: undefined, scratch: undefined, isSimple: false };
	const outcomes = await verifySubjects(run, FILES);
	return { items: outcomes.map(({ json: { key, verdict, remaining } }) => [key, verdict, remaining]), hints };
}

it('ends a list where the storage is lost, and keeps what it has', async () => {
	expect(await verified(storageWithout('b'))).toEqual({
		items: [
			['a', 'passed', 1],
			['b', 'incomplete', 1],
		],
		hints: ['1 backup was not verified in this run. The storage could no longer be reached.'],
	});
});

it('throws where not even the first could be looked at', async () => {
	const lost = verified(storageWithout('a', 'b', 'c'));
	await expect(lost).rejects.toMatchObject({
		code: 'STORAGE_UNREACHABLE',
		message: 'The bucket is away.',
		hint: 'Wait.',
	});
});

it('begins no further one when its time is over, but always one', async () => {
	expect(await verified(storageWithout(), { stopAfter: 0 })).toEqual({
		items: [['a', 'passed', 2]],
		hints: ['2 backups were not verified in this run.'],
	});
	expect((await verified(storageWithout(), { maxBackups: 2 })).items).toEqual([
		['a', 'passed', 1],
		['b', 'passed', 1],
	]);
	expect((await verified(storageWithout())).hints).toEqual([]);
});
