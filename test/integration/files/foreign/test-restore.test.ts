/** Tars of others, restored for a test by a verification. */
import { execFileSync } from 'node:child_process';
import {
	appendFileSync,
	linkSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { verifyFile } from '../../../../engine';
import { FilesTarget } from '../../../../engine/tree/folder';
import { noise } from '../../../random/bytes';
import { temporaryStorage } from '../../archive/support';
import { openingKeys, packed, type Packing } from '../../verify/foreign-files';
import { folder } from '../stage';

const random = noise('tars of others, for a test');

afterEach(() => vi.restoreAllMocks());

/** A folder with what tars hold, packed by tar. @param options of tar */
function packedByTar(...options: string[]): Buffer {
	const [root, out] = [folder(), path.join(folder(), 'their.tar')];
	mkdirSync(path.join(root, 'docs/empty'), { recursive: true });
	writeFileSync(path.join(root, 'docs/a'), random(3_000_000));
	writeFileSync(path.join(root, 'docs/secret'), 'x', { mode: 0o000 });
	writeFileSync(path.join(root, 'sparse'), 'beginning');
	truncateSync(path.join(root, 'sparse'), 3_000_000);
	appendFileSync(path.join(root, 'sparse'), 'end');
	linkSync(path.join(root, 'docs/a'), path.join(root, 'hard'));
	symlinkSync('/etc/passwd', path.join(root, 'link'));
	execFileSync('tar', ['-cf', out, '--sparse', '--sort=name', ...options, '-C', root, '.']);
	return readFileSync(out);
}

async function tested(content: Buffer, scratch = folder()) {
	const { storage, root } = temporaryStorage();
	writeFileSync(path.join(root, 'file'), content);
	const keys = await openingKeys();
	const report = await verifyFile({
		storage,
		key: 'file',
		level: 'restore',
		keys,
		scratch: { files: { folder: scratch } },
	});
	expect(readdirSync(scratch)).toEqual([]);
	return report;
}

describe('a test restore of a tar that others made', () => {
	it.each<Packing>(['none', 'gzip', 'zstd', 'openpgp'])(
		'compares its files and links, packed as %s',
		async (packing) => {
			const report = await tested(await packed(packedByTar(), packing));
			expect(report.findings).toEqual([]);
			expect(report).toMatchObject({ verdict: 'passed', requested: 'restore', reached: 'restore', system: 'files' });
			expect(report.levels[2]).toMatchObject({ counts: { files: 3, bytes: 6_000_004 } });
			expect(report.levels[2]!.restoreDuration).toBeGreaterThan(0);
		},
	);

	it('finds what does not come back', async () => {
		const { finishDirectory } = FilesTarget.prototype;
		const scratch = folder();
		vi.spyOn(FilesTarget.prototype, 'finishDirectory').mockImplementation(async function (this: FilesTarget, ...given) {
			const root = path.join(scratch, readdirSync(scratch)[0]!);
			appendFileSync(path.join(root, 'docs/a'), 'x');
			writeFileSync(path.join(root, 'sparse'), 'Beginning', { flag: 'r+' });
			rmSync(path.join(root, 'link'), { force: true });
			symlinkSync('elsewhere', path.join(root, 'link'));
			await finishDirectory.call(this, ...given);
		});
		const report = await tested(packedByTar(), scratch);
		expect(report).toMatchObject({ verdict: 'failed', reached: 'content' });
		expect(report.findings.map(({ severity, part }) => `${severity} ${part}`).sort()).toEqual([
			'error docs/a',
			'error link',
			'error sparse',
		]);
	});

	it('says nothing against one that only tar itself unpacks', async () => {
		const report = await tested(packedByTar('--transform=s,^./docs/a$,/etc/x,', '--absolute-names'));
		expect(report).toMatchObject({ verdict: 'incomplete', reached: 'content' });
		expect(report.findings).toMatchObject([{ severity: 'inconclusive', message: expect.stringMatching(/absolute/) }]);
	});

	it('names what it leaves out', async () => {
		const root = folder();
		execFileSync('mkfifo', [path.join(root, 'pipe')]);
		const out = path.join(folder(), 'their.tar');
		execFileSync('tar', ['-cf', out, '-C', root, '.']);
		const report = await tested(readFileSync(out));
		expect(report).toMatchObject({ verdict: 'passed', reached: 'restore' });
		expect(report.findings).toMatchObject([{ severity: 'warning', message: expect.stringMatching(/pipe/) }]);
	});
});
