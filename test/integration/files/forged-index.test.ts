import { createHash } from 'node:crypto';
import { linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { type Manifest, openArchive } from '../../../engine/archive';
import { BackupError } from '../../../engine/errors';
import { backUpFiles, restoreFiles } from '../../../engine/files';
import { FolderStorage } from '../../../engine/storage/folder';
import { tarPadding } from '../../../engine/tar';
import { checkTree, type Existing } from '../../../engine/tree';
import { assertRestorable } from '../../../engine/tree/folder';
import { noise } from '../../random/bytes';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { type OpenPart, partsOf } from '../verify/forge';
import { padded, sealed } from '../../unit/tar/build-tar';
import { settled } from '../settled';
import { folder } from './stage';

/*
 * Whoever can write to the storage, and no passphrase is set, can write any index, with all hashes right. What it says must not
 * lead anything out of the target, and no content may stand there that was never stored.
 */
const random = noise('forged-index');
const root = temporaryFolder('forged-index');
const stores = path.join(root, 'storage');
const storage = new FolderStorage({ root: stores });
/** The hash of each content that was ever stored. */
const stored = new Set<string>();
let whole: Manifest;
let increment: Manifest;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

beforeAll(async () => {
	const source = path.join(root, 'source');
	mkdirSync(path.join(source, 'docs/deep'), { recursive: true });
	const put = (name: string, content: string | Buffer) => {
		writeFileSync(path.join(source, name), content);
		stored.add(sha256(Buffer.from(content)));
	};
	put('docs/a', 'content of a');
	put('docs/deep/b', random(3000));
	put('docs/nothing', '');
	put('z', random(1500));
	linkSync(path.join(source, 'docs/a'), path.join(source, 'y'));
	symlinkSync('docs/a', path.join(source, 'docs/symlink'));
	const back = async () => {
		await settled(source);
		return await backUpFiles({
			storage,
			folder: 'files',
			codec: { name: 'none' },
			root: source,
			name: 'set',
			incremental: { wholeEvery: 0, leastUse: 0 },
		});
	};
	whole = await back();
	put('z', random(1600));
	put('docs/new', 'new content');
	increment = await back();
	expect(increment.needs).toEqual([whole.id]);
	return () => removeFolder(root);
});

/** The archive of a backup with other parts, everything else in its manifest being right; in a storage of its own. */
async function forged(manifest: Manifest, change: (parts: OpenPart[]) => OpenPart[]) {
	const parts = change(await partsOf(storage, { manifest, folder: 'files' }));
	const target = folder();
	const bytes = Buffer.concat(parts.map(({ raw }) => raw));
	let offset = 0;
	const lines = parts.map(({ part, raw }) => {
		const line = { ...part, offset, length: raw.length, rawLength: raw.length, sha256: sha256(raw) };
		offset += raw.length;
		return line;
	});
	const size = { raw: bytes.length, compressed: bytes.length, stored: bytes.length };
	const made: Manifest = { ...manifest, parts: lines, size, sha256: sha256(bytes) };
	mkdirSync(path.join(target, 'files'));
	writeFileSync(path.join(target, 'files', made.file), bytes);
	if (made.id === whole.id) return { storage: new FolderStorage({ root: target }), manifest: made };
	for (const name of readdirSync(path.join(stores, 'files')).filter((file) => file.startsWith(whole.file))) {
		writeFileSync(path.join(target, 'files', name), readFileSync(path.join(stores, 'files', name)));
	}
	return { storage: new FolderStorage({ root: target }), manifest: made };
}

/** Another text in the place of the index: one member, with the header that it needs. */
function withIndex(change: (text: string) => string | Buffer) {
	return (parts: OpenPart[]): OpenPart[] =>
		parts.map(({ part, raw }) => {
			if (part.type !== 'index') return { part, raw };
			const size = Number.parseInt(raw.toString('latin1', 124, 135), 8);
			const text = Buffer.from(change(raw.toString('utf8', 512, 512 + size)));
			const header = Buffer.from(raw.subarray(0, 512));
			header.write(text.length.toString(8).padStart(11, '0'), 124);
			return { part, raw: Buffer.concat([sealed(header), padded(text)]) };
		});
}

/** Restores it where nothing outside may change, and looks at what came of it. */
async function attempt(forgery: Awaited<ReturnType<typeof forged>>, existing: Existing = 'fail') {
	const parent = folder();
	const [target, outside] = [path.join(parent, 'target'), path.join(parent, 'outside')];
	mkdirSync(target);
	mkdirSync(outside);
	writeFileSync(path.join(outside, 'kept'), 'kept');
	symlinkSync('../outside', path.join(target, 'way'));
	let failure: unknown;
	try {
		const reader = await openArchive(forgery.storage, { manifest: forgery.manifest, folder: 'files' });
		const options = { reader, storage: forgery.storage, keys: undefined, root: target, existing };
		await restoreFiles({ ...options, confirmation: target });
	} catch (error) {
		failure = error;
	}
	expect(readdirSync(parent).sort()).toEqual(['outside', 'target']);
	expect(readdirSync(outside)).toEqual(['kept']);
	expect(readFileSync(path.join(outside, 'kept'), 'utf8')).toBe('kept');
	expect(lstatSync(path.join(outside, 'kept')).nlink).toBe(1);
	const contents: string[] = [];
	for (const entry of readdirSync(target, { recursive: true, withFileTypes: true })) {
		const file = path.join(entry.parentPath, entry.name);
		expect(entry.name).not.toMatch(/\.partial$/);
		// The listing goes through links.
		if (!file.startsWith(path.join(target, 'way/')) && lstatSync(file).isFile())
			contents.push(sha256(readFileSync(file)));
	}
	expect(contents.filter((hash) => !stored.has(hash))).toEqual([]);
	if (failure !== undefined) expect(failure).toBeInstanceOf(BackupError);
	return failure;
}

type Line = Record<string, unknown>;
const HUGE = Number.MAX_SAFE_INTEGER;
const NUMBERS = [0, 1, -1, 0.5, 511, 512, 513, 1 << 20, HUGE, HUGE + 1, 1e300, '1', null, [], {}];
const NAMES = ['', '.', '..', '../outside/x', '/tmp/x', 'a//b', 'way/kept', 'way', 'docs', 'docs/', 'docs/a', 'docs/a/x', 'y', 'z', 'z/', 'zz', '~', 'docs/deep/b', 'é', '\ud800', '\udcff', 'a\0b', 'n'.repeat(300), 'n/'.repeat(3000), 7, null]; // prettier-ignore
const HASHES = [
	'',
	'A'.repeat(64),
	'0'.repeat(64),
	'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
	5,
	null,
];
const TYPES = ['file', 'directory', 'symlink', 'link', 'device', '', 3, null];
const VALUES: Record<string, unknown[]> = {
	name: NAMES,
	type: TYPES,
	size: NUMBERS,
	modified: ['0', '-1', '99999999999999999999', '9'.repeat(40), '', 'x', 5, null],
	mode: [...NUMBERS, 0o7777, 0o170000],
	uid: NUMBERS,
	gid: NUMBERS,
	target: [...NAMES, '../outside', '../outside/kept'],
	sha256: HASHES,
	at: [
		[0],
		[0, 0],
		[1, 0],
		[2, 0],
		[-1, 0],
		[0, -1],
		[0, 512],
		[0, 513],
		[1, 512],
		[1, 1024],
		[0, HUGE],
		[1, HUGE - 1],
		'x',
		{},
		null,
	],
	sparse: [true, 'yes'],
	linked: [true, false],
	attributes: [{}, [], 'x', { deep: { deeper: [] } }],
	state: ['', 5],
	extra: [1],
};

const field = fc
	.constantFrom(...Object.keys(VALUES))
	.chain((key) => fc.record({ key: fc.constant(key), value: fc.constantFrom(undefined, ...VALUES[key]!) }));
const mutation = fc.oneof(
	{ weight: 6, arbitrary: fc.record({ at: fc.nat(20), changes: fc.array(field, { minLength: 1, maxLength: 3 }) }) },
	{ weight: 1, arbitrary: fc.record({ swap: fc.nat(20), by: fc.nat(20) }) },
	{ weight: 1, arbitrary: fc.record({ again: fc.nat(20), to: fc.nat(20) }) },
	{ weight: 1, arbitrary: fc.record({ without: fc.nat(20) }) },
	{ weight: 1, arbitrary: fc.record({ content: fc.nat(20), of: fc.nat(20) }) },
	{ weight: 2, arbitrary: fc.record({ byte: fc.nat(5000), bit: fc.nat(7) }) },
	{ weight: 1, arbitrary: fc.record({ cut: fc.nat(5000) }) },
	{
		weight: 1,
		arbitrary: fc.record({
			archives: fc.constantFrom<string | string[] | null>(
				[],
				['x'],
				'x',
				null,
				['own', 'own'],
				['other'],
				['nobody', 'own'],
			),
		}),
	},
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

/** What is there may be no index any more: then it stays as it is. */
function mutatedFurther(text: string, how: Mutation): string | Buffer {
	try {
		return mutated(text, how);
	} catch (error) {
		if (error instanceof SyntaxError) return text;
		throw error;
	}
}

/** Every mutation changes the lines of the index, its first line, or its bytes. */
function mutated(text: string, how: Mutation): string | Buffer {
	const [head, ...lines] = text.trimEnd().split('\n');
	const joined = (first: string, rest: string[]) => `${[first, ...rest].join('\n')}\n`;
	const nth = (index: number) => index % lines.length;
	if ('byte' in how) {
		const bytes = Buffer.from(text);
		bytes[how.byte % bytes.length]! ^= 1 << how.bit;
		return bytes;
	}
	if ('cut' in how) return text.slice(0, how.cut % text.length);
	if ('archives' in how) {
		const known: Record<string, string> = { own: increment.id, other: whole.id, nobody: '0'.repeat(36) };
		const ids = Array.isArray(how.archives) ? how.archives.map((id) => known[id] ?? id) : how.archives;
		return joined(JSON.stringify({ archives: ids }), lines);
	}
	if ('swap' in how) [lines[nth(how.swap)], lines[nth(how.by)]] = [lines[nth(how.by)]!, lines[nth(how.swap)]!];
	else if ('again' in how) lines.splice(nth(how.to), 0, lines[nth(how.again)]!);
	else if ('without' in how) lines.splice(nth(how.without), 1);
	else if ('content' in how) {
		const [one, other] = [JSON.parse(lines[nth(how.content)]!), JSON.parse(lines[nth(how.of)]!)] as [Line, Line];
		lines[nth(how.content)] = JSON.stringify({ ...one, size: other['size'], sha256: other['sha256'], at: other['at'] });
	} else {
		const line = JSON.parse(lines[nth(how.at)]!) as Line;
		for (const { key, value } of how.changes) line[key] = value;
		lines[nth(how.at)] = JSON.stringify(line);
	}
	return joined(head!, lines);
}

describe('an index that was forged, with all hashes right', () => {
	for (const [what, manifest] of [
		['a whole backup', () => whole],
		['an incremental one', () => increment],
	] as const) {
		it(`of ${what} brings back what was stored, or is refused, and touches nothing outside`, async () => {
			let [refused, restored] = [0, 0];
			await fc.assert(
				fc.asyncProperty(
					fc.array(mutation, { minLength: 1, maxLength: 2 }),
					fc.constantFrom<Existing>('fail', 'skip', 'overwrite'),
					async (mutations, existing) => {
						const change = (text: string) =>
							mutations.reduce<string | Buffer>((now, how) => mutatedFurther(String(now), how), text);
						const forgery = await forged(manifest(), withIndex(change));
						const failure = await attempt(forgery, existing);
						if (failure === undefined) restored++;
						else refused++;
						if (!(failure instanceof BackupError) || failure.code !== 'ARCHIVE_CORRUPT' || manifest() !== whole) return;
						// What no restore takes, a verification finds.
						const found: string[] = [];
						const reader = await openArchive(forgery.storage, { manifest: forgery.manifest, folder: 'files' });
						const check = checkTree(reader.raw(), forgery.manifest, (message) => found.push(message), assertRestorable);
						await check.catch((error: unknown) => {
							if (!(error instanceof BackupError)) throw error;
							found.push(error.message);
						});
						expect(found, failure.message).not.toEqual([]);
					},
				),
				{ numRuns: 120 },
			);
			// Both were met, and often.
			expect(Math.min(refused, restored)).toBeGreaterThan(10);
		});
	}

	it('that is of another backup, that is twice there, or is not there, is refused', async () => {
		const others = await partsOf(storage, { manifest: increment, folder: 'files' });
		const index = others.find(({ part }) => part.type === 'index')!;
		const takeOther = await forged(whole, (parts) => parts.map((one) => (one.part.type === 'index' ? index : one)));
		expect(await attempt(takeOther)).toMatchObject({ code: 'ARCHIVE_CORRUPT' });
		const twice = await forged(whole, (parts) =>
			parts.flatMap((one) => (one.part.type === 'index' ? [one, one] : [one])),
		);
		expect(await attempt(twice)).toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});

	it('that is larger than any chunk is given up before it is read', async () => {
		const zeros = Buffer.alloc(17 * 1024 * 1024, ' ');
		const large = await forged(
			whole,
			withIndex((text) => Buffer.concat([Buffer.from(text.trimEnd()), zeros, Buffer.from('\n')])),
		);
		expect(await attempt(large)).toMatchObject({
			code: 'ARCHIVE_CORRUPT',
			message: expect.stringContaining('16 MiB') as string,
		});
	});

	it('whose tar holds something else at the places that it names is refused', async () => {
		for (const change of [
			(raw: Buffer) => raw.fill('c0ntent', raw.indexOf('content of a'), raw.indexOf('content of a') + 7),
			(raw: Buffer) => raw.fill(0),
			(raw: Buffer) => raw.subarray(0, 512),
			(raw: Buffer) => Buffer.concat([tarPadding(1), Buffer.alloc(1), raw]),
		]) {
			const content = await forged(whole, (parts) =>
				parts.map(({ part, raw }) => ({
					part,
					raw: part.type === 'content' ? Buffer.from(change(Buffer.from(raw))) : raw,
				})),
			);
			expect(await attempt(content)).toMatchObject({ code: 'ARCHIVE_CORRUPT' });
		}
	});
});
