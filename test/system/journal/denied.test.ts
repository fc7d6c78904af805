import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { AssumeRoleProvider } from 'minio/dist/esm/AssumeRoleProvider.mjs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import {
	backUpFiles,
	findBackup,
	noteEvent,
	readJournal,
	refreshLog,
	S3Storage,
	verifyBackup,
	type Storage,
} from '../../../engine';
import { asRun } from '../../../engine/archive/run/run';
import { optionsFor, TEST_PREFIX } from '../../integration/storage/s3-under-test';
import { quickClock } from '../../integration/storage/quick-clock';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';

let server: S3Server;
beforeAll(async () => {
	server = await startMinio();
});
afterAll(async () => {
	await server?.stop();
});

type Statement = Record<string, unknown>;

/** A fresh bucket, by all keys and by some that may do all but what is denied. */
async function storages(denied: (bucket: string) => Statement) {
	const bucket = await server.createBucket();
	const allowed = { Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] };
	const Statement = [allowed, { Effect: 'Deny', ...denied(bucket) }];
	const role = new AssumeRoleProvider({
		stsEndpoint: server.endpoint,
		accessKey: server.accessKeyId,
		secretKey: server.secretAccessKey,
		region: server.region,
		policy: JSON.stringify({ Version: '2012-10-17', Statement }),
	});
	const keys = await role.getCredentials();
	const access = { accessKeyId: keys.getAccessKey(), secretAccessKey: keys.getSecretKey() };
	const whole = new S3Storage(optionsFor(server, bucket));
	const options = { ...optionsFor(server, bucket), ...access, sessionToken: keys.getSessionToken() };
	const storage = new S3Storage(options);
	onTestFinished(() => {
		storage.close();
		whole.close();
	});
	return { storage, whole };
}

function folder(): string {
	const root = temporaryFolder('files');
	onTestFinished(() => removeFolder(root));
	mkdirSync(path.join(root, 'docs'));
	writeFileSync(path.join(root, 'docs/readme.txt'), 'Read me.');
	return root;
}

/** Backs up, and answers what people are told. */
async function backUp(storage: Storage, root: string): Promise<{ id: string; notices: string[] }> {
	const notices: string[] = [];
	const run = {
		workflow: 'Nightly',
		execution: '17',
		clock: quickClock(),
		waitMs: 0,
		notice: (sentence: string) => void notices.push(sentence),
	};
	const { id } = await backUpFiles({ storage, codec: { name: 'zstd' }, root, name: 'docs', run });
	return { id, notices };
}

async function note(storage: Storage): Promise<void> {
	const now = new Date().toISOString();
	await noteEvent(storage, { action: 'backUp', outcome: 'succeeded', startedAt: now, endedAt: now, name: 'docs' });
}

const eventsIn = async (storage: Storage) =>
	(await readJournal(storage, { since: new Date(0), limit: 10 })).events.length;
const below = (bucket: string, path: string) => `arn:aws:s3:::${bucket}/${TEST_PREFIX}/${path}`;
const NOT_NOTED = expect.stringMatching(
	/^Whether another back up of files docs is running could not be noted in the storage/,
);
const DENIED = { code: 'STORAGE_DENIED' };

interface Case {
	statement: (bucket: string) => Statement;
	/** What is told of the lock of the series. */
	notices: unknown[];
	/** Whether events can be noted, and whether they can be read. */
	isNoted: boolean;
	isRead: boolean;
}

const CASES: Record<string, Case> = {
	'write what the package keeps for itself': {
		statement: (bucket) => ({ Action: ['s3:PutObject'], Resource: [below(bucket, '.stack-backup/*')] }),
		notices: [NOT_NOTED],
		isNoted: false,
		isRead: true,
	},
	'delete anything': {
		statement: (bucket) => ({ Action: ['s3:DeleteObject'], Resource: [below(bucket, '*')] }),
		notices: [],
		isNoted: true,
		isRead: true,
	},
	'list what the package keeps for itself': {
		statement: (bucket) => ({
			Action: ['s3:ListBucket'],
			Resource: [`arn:aws:s3:::${bucket}`],
			Condition: { StringLike: { 's3:prefix': [`${TEST_PREFIX}/.stack-backup/*`] } },
		}),
		notices: [NOT_NOTED],
		isNoted: true,
		isRead: false,
	},
	'read what the package keeps for itself': {
		statement: (bucket) => ({ Action: ['s3:GetObject'], Resource: [below(bucket, '.stack-backup/*')] }),
		notices: [NOT_NOTED],
		isNoted: false,
		isRead: false,
	},
};

describe.each(Object.entries(CASES))('with keys that may not %s', (_what, { statement, notices, isNoted, isRead }) => {
	it('back ups succeed, say what they could not note, and are whole', async () => {
		const { storage, whole } = await storages(statement);
		const root = folder();
		for (let round = 0; round < 2; round++) {
			const made = await backUp(storage, root);
			expect(made.notices).toEqual(notices);
			const { key } = await findBackup(storage, { id: made.id });
			expect((await verifyBackup({ storage: whole, key, level: 'content' })).verdict).toBe('passed');
			if (isNoted) await note(storage);
			else await expect(note(storage)).rejects.toMatchObject(DENIED);
		}
		expect(await eventsIn(whole)).toBe(isNoted ? 2 : 0);
		if (isRead) {
			expect(await eventsIn(storage)).toBe(isNoted ? 2 : 0);
			expect(await refreshLog(storage)).toBe(isNoted ? 2 : 0);
		} else if (isNoted) await expect(eventsIn(storage)).rejects.toMatchObject(DENIED);
	});

	it('a run that lasts gives the signs of life that it may, and goes on without the others', async () => {
		const { storage } = await storages(statement);
		const clock = quickClock();
		const beats: number[] = [];
		const run = {
			workflow: 'Nightly',
			execution: '17',
			clock,
			onBeat: ({ bytes }: { bytes: number }) => void beats.push(bytes),
		};
		const result = await asRun({ storage, run, action: 'copy', kind: '', name: 'backups' }, async (visible) => {
			await expect.poll(() => beats.length).toBeGreaterThan(3);
			await visible.replace('docs/x.json', Buffer.from('{}'));
			return 'done';
		});
		expect(result).toBe('done');
		expect((await storage.stat('docs/x.json'))?.size).toBe(2);
	});
});
