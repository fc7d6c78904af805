import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { verifyFile, type VerificationReport, type VerifyFileOptions } from '../../../engine';
import { temporaryStorage } from '../archive/support';
import { writeSample } from '../archive/support';
import {
	dumps,
	encrypted,
	type ForeignFile,
	openingKeys,
	PACKED,
	packed,
	type Packing,
	PASSPHRASE,
	sha256,
	snapshots,
	tarArchive,
	unpacked,
	workflowFolder,
	workflows,
} from './foreign-files';

const PACKINGS = Object.keys(PACKED) as Packing[];
const forms: Record<string, ForeignFile> = {};

beforeAll(async () => {
	const { plain, custom } = await dumps();
	const [collection, shard, storage] = await snapshots();
	Object.assign(forms, { plain, custom, collection, shard, storage, tar: await tarArchive(), json: workflows() });
	forms['separate'] = await workflowFolder();
});

const FORMS = ['plain', 'custom', 'collection', 'shard', 'storage', 'tar', 'json'];

/** A file under a name that says nothing, verified. */
function verifier() {
	const { storage, root } = temporaryStorage();
	mkdirSync(path.join(root, 'files'));
	const write = (name: string, content: string | Buffer) => writeFileSync(path.join(root, 'files', name), content);
	const verify = async (content: Buffer, options: Partial<VerifyFileOptions> = {}): Promise<VerificationReport> => {
		write('file', content);
		const keys = await openingKeys();
		return await verifyFile({ storage, key: 'files/file', level: 'content', keys, ...options });
	};
	return { verify, write, storage };
}

describe('a file that others made', () => {
	it.each([...FORMS, 'separate'])('passes as %s, packed or not, and is recognised by what it holds', async (form) => {
		const { verify } = verifier();
		const { content, format } = forms[form]!;
		for (const packing of PACKINGS) {
			const bytes = await packed(content, packing);
			const report = await verify(bytes);
			expect(report.findings).toEqual([]);
			expect(report).toMatchObject({ verdict: 'passed', reached: 'content', format: format + PACKED[packing] });
			expect(report).toMatchObject({ storedBytes: bytes.length, rawBytes: content.length, manifest: undefined });
			expect((await verify(bytes, { level: 'integrity' })).verdict).toBe('passed');
		}
	});

	it('is told by what it holds', async () => {
		const { verify } = verifier();
		const counts = async (form: string) => (await verify(forms[form]!.content)).levels[1]!.counts;
		expect(await counts('json')).toEqual({ workflows: 7 });
		expect(await counts('separate')).toMatchObject({ workflows: 7, members: 8 });
		expect(await counts('custom')).toMatchObject({ rows: 600 });
		expect(await counts('tar')).toMatchObject({ members: 7, bytes: 5 + 5000 + 511 });
		expect(await counts('plain')).toMatchObject({ rows: 600 });
	});

	it('is a folder of workflows where all of its files are JSON, and each that is broken is told', async () => {
		const { verify } = verifier();
		const credential = '{"id":"1","name":"shop","data":"U2FsdGVkX1","type":"httpBasicAuth"}';
		const others = await verify((await workflowFolder({ 'credentials/1.json': credential })).content);
		expect(others).toMatchObject({ verdict: 'passed', format: 'workflows of n8n' });
		expect(others.levels[1]!.counts).toMatchObject({ workflows: 7, others: 1 });
		const more = {
			'8.json': '{"name":"a","nodes":[',
			'9.json': '{"name":"b","nodes":[{"name":"c"}],"connections":{}}',
		};
		const broken = await verify((await workflowFolder(more)).content);
		expect(broken).toMatchObject({ verdict: 'failed', format: 'workflows of n8n' });
		expect(broken.findings.map(({ part }) => part)).toEqual(['8.json', '9.json']);
		const plain = await verify((await workflowFolder({ ...more, 'README.md': 'Read me.' })).content);
		expect(plain).toMatchObject({ verdict: 'passed', format: 'tar archive', system: 'files' });
	});

	it.each(FORMS)('never passes as %s where it was cut off', async (form) => {
		const { verify } = verifier();
		const { content, needed } = forms[form]!;
		for (const packing of PACKINGS) {
			const bytes = await packed(content, packing);
			const end = packing === 'none' ? needed : bytes.length;
			await fc.assert(
				fc.asyncProperty(fc.integer({ min: 0, max: end - 1 }), async (length) => {
					const { verdict } = await verify(bytes.subarray(0, length));
					expect(verdict).not.toBe('passed');
				}),
				{ numRuns: packing === 'openpgp' ? 10 : 20, examples: [[0], [1], [end - 1], [Math.min(512, end - 1)]] },
			);
		}
	});

	it.each(FORMS)('never passes as %s with bytes after its end', async (form) => {
		const { verify } = verifier();
		const { content } = forms[form]!;
		for (const packing of PACKINGS) {
			const bytes = await packed(content, packing);
			for (const more of ['x', 'x'.repeat(600), '\0x', '}', "';"]) {
				const { verdict } = await verify(Buffer.concat([bytes, Buffer.from(more)]));
				expect(verdict, `${packing} ${JSON.stringify(more.slice(0, 5))}`).not.toBe('passed');
			}
		}
	});

	it.each(['gzip', 'zstd', 'openpgp'] as const)(
		'never passes in %s where another content comes out',
		async (packing) => {
			const { verify } = verifier();
			const { content } = forms.plain!;
			const bytes = await packed(content, packing);
			await fc.assert(
				fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
					const flipped = Buffer.from(bytes);
					flipped[at]! ^= 1 << bit;
					const { verdict } = await verify(flipped);
					// Most of gzip's header says nothing of the content, nor do the bits by which OpenPGP counts those of a number.
					if (verdict === 'passed') expect((await unpacked(flipped, packing)).equals(content)).toBe(true);
				}),
				{ numRuns: 150 },
			);
		},
	);

	it('never passes where it was encrypted for a passphrase and any bit of it was flipped', async () => {
		const { verify } = verifier();
		const bytes = await encrypted(forms.plain!.content, { passphrase: PASSPHRASE });
		expect((await verify(bytes)).verdict).toBe('passed');
		await fc.assert(
			fc.asyncProperty(fc.oneof(fc.nat(100), fc.nat(bytes.length - 1)), fc.nat(7), async (at, bit) => {
				const flipped = Buffer.from(bytes);
				flipped[at]! ^= 1 << bit;
				expect((await verify(flipped)).verdict).not.toBe('passed');
			}),
			{ numRuns: 15 },
		);
	});

	it('never passes where a header of a tar was changed', async () => {
		const { verify } = verifier();
		const { content } = forms.tar!;
		const headers = Array.from({ length: content.length / 512 }, (_, block) => block * 512).filter(
			(offset) => content.toString('latin1', offset + 257, offset + 262) === 'ustar',
		);
		await fc.assert(
			fc.asyncProperty(fc.constantFrom(...headers), fc.nat(511), fc.nat(7), async (offset, at, bit) => {
				const flipped = Buffer.from(content);
				flipped[offset + at]! ^= 1 << bit;
				// The checksum is digits with zeros or spaces before them, and a NUL or a space or both behind: in other words.
				const checksum = (bytes: Buffer) =>
					/^ *([0-7]+)[ \0]*$/.exec(bytes.toString('latin1', offset + 148, offset + 156));
				const saysTheSame = Number(checksum(flipped)?.[1]) === Number(checksum(content)?.[1]) && at >= 148 && at < 156;
				expect((await verify(flipped)).verdict === 'passed').toBe(saysTheSame);
			}),
			{
				numRuns: 150,
				examples: [
					[headers[0]!, 154, 5],
					[headers[0]!, 155, 5],
					[headers[0]!, 148, 4],
				],
			},
		);
	});

	it('is compared with the hash that stands beside it', async () => {
		const { verify, write } = verifier();
		const { content } = forms.plain!;
		const changed = Buffer.from(content.toString().replace('xxx', 'xyx'));
		for (const line of [
			`${sha256(content)}  file\n`,
			`SHA256 (file) = ${sha256(content).toUpperCase()}`,
			sha256(content),
		]) {
			write('file.sha256', line);
			expect((await verify(content)).verdict).toBe('passed');
			const report = await verify(changed);
			expect(report).toMatchObject({ verdict: 'failed', reached: undefined });
			expect(report.findings[0]!.message).toMatch(/SHA-256 of the file is not the one that file\.sha256 tells/);
		}
		write('file.sha256', `${'0'.repeat(64)}  other\n${sha256(content)} *./file\n`);
		expect((await verify(content)).findings).toEqual([]);
		expect((await verify(Buffer.from('what is this?'))).verdict).toBe('failed');
		write('file.sha256', 'nothing');
		const report = await verify(content);
		expect(report.verdict).toBe('passed');
		expect(report.findings).toMatchObject([{ severity: 'warning' }]);
	});

	it('is incomplete without its key or with another one, and where it is of no known form', async () => {
		const { verify } = verifier();
		const { content } = forms.plain!;
		for (const secret of [await packed(content, 'openpgp'), await encrypted(content, { passphrase: PASSPHRASE })]) {
			expect(await verify(secret, { keys: undefined })).toMatchObject({
				verdict: 'incomplete',
				findings: [{ severity: 'inconclusive', code: 'KEY_MISSING' }],
			});
			expect(await verify(secret, { keys: { passphrase: 'wrong' } })).toMatchObject({
				verdict: 'incomplete',
				findings: [{ code: 'KEY_WRONG' }],
			});
		}
		for (const unknown of ['hello there', '-----BEGIN PGP MESSAGE-----\n\nabc', 'PK\x03\x04abc', '\x89PNG\0\0']) {
			const report = await verify(Buffer.from(unknown, 'latin1'));
			expect(report).toMatchObject({ verdict: 'incomplete', reached: undefined });
		}
		expect((await verify(forms.plain!.content, { level: 'restore' })).verdict).toBe('incomplete');
		const own = await verify(Buffer.from('SELECT 1;\nINSERT INTO t VALUES (1);\n'));
		expect(own).toMatchObject({ verdict: 'incomplete', findings: [{ severity: 'inconclusive' }] });
	});

	it('fails where it is not there, where workflows have no nodes, and where a snapshot lacks a file', async () => {
		const { verify, storage } = verifier();
		expect(await verifyFile({ storage, key: 'files/none', level: 'content' })).toMatchObject({
			verdict: 'failed',
			findings: [{ code: 'STORAGE_MISSING' }],
		});
		const broken = JSON.parse(forms.json!.content.toString()) as { nodes: unknown[] }[];
		broken[2]!.nodes = [];
		broken[4]!.nodes = [{ name: 'x' }];
		const report = await verify(Buffer.from(JSON.stringify(broken)));
		expect(report.verdict).toBe('failed');
		expect(report.findings.map(({ part, message }) => `${part}: ${message}`)).toEqual([
			'workflow 5: One of its nodes has no type.',
			'workflow 3: It has no nodes.',
		]);
		const renamed = Buffer.from(
			forms.collection!.content.toString('latin1').replaceAll('shard_config.json', 'shard_konfig.json'),
			'latin1',
		);
		expect((await verify(renamed)).verdict).toBe('failed');
	});

	it('takes other JSON that has nodes in it for what it is', async () => {
		const { verify } = verifier();
		const graph = [{ nodes: [1, 2], edges: [] }, { nodes: [] }];
		const report = await verify(Buffer.from(JSON.stringify(graph)));
		expect(report).toMatchObject({ verdict: 'passed', format: 'JSON', findings: [] });
		expect(report.levels[1]!.counts).toEqual({ elements: 2 });
		const [one] = JSON.parse(forms.json!.content.toString()) as object[];
		const mixed = await verify(Buffer.from(JSON.stringify([one, ...graph])));
		expect(mixed.findings.map(({ part, message }) => `${part}: ${message}`)).toEqual([
			'workflow 2: It is no workflow, though others in the file are.',
			'workflow 3: It is no workflow, though others in the file are.',
		]);
	});

	it('ends with CANCELLED when it is cancelled', async () => {
		const { verify } = verifier();
		const controller = new AbortController();
		const onProgress = () => controller.abort();
		await expect(verify(forms.plain!.content, { signal: controller.signal, onProgress })).rejects.toMatchObject({
			code: 'CANCELLED',
		});
	});

	it('may be an archive of ours whose kind has no check of its own', async () => {
		const { storage } = temporaryStorage();
		const { key } = await writeSample(storage, { kind: 'n8n' });
		const { verifyBackup } = await import('../../../engine');
		expect(await verifyBackup({ storage, key, level: 'content' })).toMatchObject({
			verdict: 'incomplete',
			reached: 'integrity',
		});
	});
});
