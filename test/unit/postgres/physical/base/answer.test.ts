import { describe, expect, it } from 'vitest';

import { BaseBackupAnswer } from '../../../../../engine/postgres/physical/base/answer';
import { baseBackupCommand } from '../../../../../engine/postgres/physical/base/command';
import type { AnswerEvent } from '../../../../../engine/postgres/physical/protocol';

const row = (fields: Record<string, string | null>) =>
	Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, text === null ? null : Buffer.from(text)]));
const data = (...pieces: string[]): AnswerEvent[] => pieces.map((text) => ({ type: 'data', bytes: Buffer.from(text) }));

const START: AnswerEvent[] = [
	{ type: 'rows', rows: [row({ recptr: '0/7000028', tli: '3' })] },
	{
		type: 'rows',
		rows: [
			row({ spcoid: '16384', spclocation: '/srv/far', size: '10' }),
			row({ spcoid: null, spclocation: null, size: '20' }),
		],
	},
];
const END: AnswerEvent[] = [{ type: 'rows', rows: [row({ recptr: '0/7000138', tli: '3' })] }];

// As servers of 13.23 and 14.23 have answered.
const OLDER: AnswerEvent[] = [
	...START,
	{ type: 'copy' },
	...data('far', ' away'),
	{ type: 'copyEnd' },
	{ type: 'copy' },
	...data('home'),
	{ type: 'copyEnd' },
	{ type: 'copy' },
	...data('{', '}'),
	{ type: 'copyEnd' },
	...END,
];
const NEWER: AnswerEvent[] = [
	...START,
	{ type: 'copy' },
	...data(
		'n16384.tar\0/srv/far\0',
		'dfar',
		'p12345678',
		'd away',
		'nbase.tar\0\0',
		'dhome',
		'm',
		'd{',
		'd}',
		'p12345678',
	),
	{ type: 'copyEnd' },
	...END,
];

async function* streamed(events: AnswerEvent[]): AsyncGenerator<AnswerEvent, void, undefined> {
	yield* events;
}

describe('the answer to BASE_BACKUP', () => {
	it.each([
		[14, OLDER],
		[18, NEWER],
	])('of a server of version %i is its archives, the manifest and its two positions', async (major, events) => {
		const answer = new BaseBackupAnswer(streamed(events), major);
		expect(await answer.start()).toEqual({
			startLsn: 0x700_0028n,
			timeline: 3,
			tablespaces: [{ oid: '16384', location: '/srv/far', bytes: 10_240 }],
			bytes: 20_480,
		});
		const seen: string[] = [];
		for await (const { type, oid = '', content } of answer.archives()) {
			const pieces: Uint8Array[] = [];
			for await (const piece of content) pieces.push(Buffer.from(piece));
			seen.push(
				`${type} ${oid}: ${Buffer.concat(pieces)
					.toString('latin1')
					.replace(/\0{1024}$/, '')}`,
			);
		}
		expect(seen).toEqual(['tablespace 16384: far away', 'data : home', 'manifest : {}']);
		expect(await answer.end()).toBe(0x700_0138n);
	});

	it.each([
		[14, OLDER.slice(0, 5)],
		[18, NEWER.slice(0, 5)],
		[14, OLDER.slice(0, 6)],
	])('of a server of version %i that ends too early is none', async (major, events) => {
		const answer = new BaseBackupAnswer(streamed(events), major);
		await answer.start();
		const read = async () => {
			for await (const { content } of answer.archives()) for await (const piece of content) void piece;
			await answer.end();
		};
		await expect(read()).rejects.toThrow('The server answered against PostgreSQL');
	});

	it('is asked for in the words of the version', () => {
		const choices = { label: "it's", checkpoint: 'fast', maxRate: 1000, incremental: false } as const;
		expect(baseBackupCommand(12, choices)).toBe(
			"BASE_BACKUP LABEL 'it''s' PROGRESS FAST NOWAIT MAX_RATE 1000 TABLESPACE_MAP NOVERIFY_CHECKSUMS",
		);
		expect(baseBackupCommand(14, { ...choices, checkpoint: 'spread', maxRate: undefined })).toBe(
			"BASE_BACKUP LABEL 'it''s' PROGRESS NOWAIT TABLESPACE_MAP NOVERIFY_CHECKSUMS MANIFEST 'yes' MANIFEST_CHECKSUMS 'CRC32C'",
		);
		expect(baseBackupCommand(17, { ...choices, incremental: true })).toMatch(
			/^BASE_BACKUP \(LABEL 'it''s', PROGRESS true, CHECKPOINT 'fast', .*, INCREMENTAL\)$/,
		);
	});
});
