import { describe, expect, it } from 'vitest';

import { executionLimit, processFindings } from '../../../engine/n8n';
import {
	clockFindings,
	encryptionFindings,
	finder,
	findingsOf,
	proxyFindings,
	sortedFindings,
} from '../../../engine/preflight';
import { BackupError, cancelled } from '../../../engine/errors';

const { ok, warning, problem } = finder('Check', 'it', 'backup');

describe('findings', () => {
	it('come the gravest first, and only those that are asked for', () => {
		const other = finder('Other', 'it', 'restore').problem('c', 'r');
		const all = [ok('a'), warning('b', 'r'), other, problem('d', 'r')];
		expect(sortedFindings(all).map(({ what }) => what)).toEqual(['c', 'd', 'b', 'a']);
		expect(sortedFindings(all, ['backup']).map(({ what }) => what)).toEqual(['d', 'b', 'a']);
	});

	it('are what a check fails with, but for a cancel and for faults of our own', async () => {
		const failing = (error: Error) => findingsOf(finder('Check', 'it', 'backup'), () => Promise.reject(error));
		const error = new BackupError('ACCESS_DENIED', 'Refused', { hint: 'Ask for it' });
		expect(await failing(error)).toMatchObject([{ level: 'problem', what: 'Refused', remedy: 'Ask for it' }]);
		await expect(failing(cancelled())).rejects.toThrow();
		await expect(failing(new TypeError('a fault'))).rejects.toThrow('a fault');
	});
});

describe('clocks', () => {
	const asked = { from: new Date(100_000), to: new Date(110_000) };
	it.each([
		[100_000 - 60_000, 'ok', /same time/],
		[110_000 + 60_000, 'ok', /same time/],
		[100_000 - 61_000, 'warning', /1 minute ahead of/],
		[110_000 + 20 * 60_000, 'warning', /20 minutes behind/],
	])('at %i are %s', (theirs, level, what) => {
		const [found] = clockFindings('it', new Date(theirs), asked);
		expect(found).toMatchObject({ level, what: expect.stringMatching(what) });
	});
});

describe('a passphrase', () => {
	const levelOf = async (passphrase: string) => {
		const findings = await encryptionFindings({ encryption: { passphrase }, decryption: { passphrase } });
		return findings.find(({ check }) => check === 'Passphrase')?.level ?? 'ok';
	};
	it.each([
		['backup123', 'warning'],
		['aaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'warning'],
		['correct horse battery staple', 'ok'],
		['q8F2k1zPw0LmA7yT', 'ok'],
	])('%s: %s', async (passphrase, level) => {
		expect(await levelOf(passphrase)).toBe(level);
	});

	it('is tried by a round trip', async () => {
		const findings = await encryptionFindings({
			encryption: { passphrase: 'correct horse battery staple' },
			decryption: { passphrase: 'correct horse battery staple' },
		});
		expect(findings.map(({ affects, level }) => `${affects}: ${level}`)).toEqual(['backup: ok', 'restore: ok']);
	});
});

it('keys that are none are a problem, and those that cannot encrypt a warning', async () => {
	const none = await encryptionFindings({ encryption: { publicKeys: ['no key'] }, decryption: undefined });
	expect(none).toMatchObject([{ level: 'problem' }]);
});

describe('proxies', () => {
	const env = { HTTPS_PROXY: 'http://user:secret@proxy:3128' };
	const levels = (url: string, isDirect = false, more = {}) =>
		proxyFindings(url, isDirect, { ...env, ...more }).map(({ level }) => level);

	it.each([
		['https://qdrant:6333', 'warning'],
		['https://10.1.2.3:6333', 'warning'],
		['https://qdrant.default.svc.cluster.local', 'warning'],
		['https://db.example.com', 'ok'],
	])('%s: %s', (url, level) => {
		expect(levels(url)).toEqual([level]);
	});

	it('do not apply to another protocol, to what NO_PROXY names, or without being set', () => {
		expect(levels('http://qdrant:6333')).toEqual([]);
		expect(levels('https://qdrant:6333', false, { NO_PROXY: 'localhost,qdrant' })).toEqual([]);
		expect(levels('https://qdrant:6333', false, { NO_PROXY: 'qdrant:6333' })).toEqual([]);
		expect(levels('https://qdrant:6333', false, { NO_PROXY: 'qdrant:1' })).toEqual(['warning']);
		expect(levels('https://a.b.lan', false, { no_proxy: '.lan' })).toEqual([]);
		expect(levels('https://a.b.lan', false, { NO_PROXY: '*' })).toEqual([]);
		expect(proxyFindings('https://qdrant:6333', false, {})).toEqual([]);
	});

	it('are passed by on the way to S3, and the remedy for others is a whole value', () => {
		expect(levels('https://minio:9000', true)).toEqual(['ok']);
		const [found] = proxyFindings('https://qdrant:6333', false, { ...env, NO_PROXY: 'localhost' });
		expect(found?.remedy).toContain('NO_PROXY=localhost,qdrant');
		expect(JSON.stringify(found)).not.toContain('secret');
	});
});

describe('the settings of n8n', () => {
	const bad = (env: Record<string, string>, memory?: number) =>
		processFindings(env, memory).flatMap(({ check, level }) => (level === 'ok' ? [] : [check]));
	it.each([
		[{}, undefined, []],
		[{ EXECUTIONS_TIMEOUT: '-1' }, 2 ** 31, []],
		[{ EXECUTIONS_TIMEOUT: '7200' }, undefined, []],
		[{ EXECUTIONS_TIMEOUT: '600' }, undefined, ['Execution Timeout']],
		[{}, 256 * 1024 ** 2, ['Memory']],
		[{ N8N_DEFAULT_BINARY_DATA_MODE: 'default' }, undefined, ['Binary Data']],
		[{ N8N_DEFAULT_BINARY_DATA_MODE: 'filesystem' }, undefined, []],
		[{ N8N_DEFAULT_BINARY_DATA_MODE: 'filesystem', EXECUTIONS_MODE: 'queue' }, undefined, ['Binary Data']],
		[{ N8N_DEFAULT_BINARY_DATA_MODE: 'database', EXECUTIONS_MODE: 'queue' }, undefined, []],
		[{ EXECUTIONS_DATA_PRUNE: 'false' }, undefined, ['Execution Data']],
		[{ EXECUTIONS_DATA_PRUNE: 'true', EXECUTIONS_DATA_MAX_AGE: '336' }, undefined, []],
		[{ EXECUTIONS_DATA_SAVE_ON_ERROR: 'none' }, undefined, ['Execution Data']],
		[{ EXECUTIONS_DATA_SAVE_ON_ERROR: 'all' }, undefined, []],
	])('%o with %s bytes: %o', (env, memory, expected) => {
		expect(bad(env, memory)).toEqual(expected);
	});

	it.each([
		[{}, undefined],
		[{ EXECUTIONS_TIMEOUT: '0' }, undefined],
		[{ EXECUTIONS_TIMEOUT: '600' }, { seconds: 600, remedy: expect.stringContaining('up to 3600 s') as string }],
		[
			{ EXECUTIONS_TIMEOUT: '600', EXECUTIONS_TIMEOUT_MAX: '9000' },
			{ seconds: 600, remedy: expect.stringContaining('up to 9000 s') as string },
		],
	])('%o end executions as %o says', (env, limit) => {
		expect(executionLimit(env)).toEqual(limit);
	});
});
