import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { restoreFrom, tarFrom } from '../../integration/files/foreign/stage';
import { isSparse, sample, seen } from '../../integration/files/foreign/tree';
import { folder } from '../../integration/files/stage';

function output(program: string, args: string[], input?: Buffer): Buffer {
	return execFileSync(program, args, {
		maxBuffer: 1 << 28,
		stdio: ['pipe', 'pipe', 'ignore'],
		...(input && { input }),
	});
}

const PYTHON = `
import sys, tarfile
format = getattr(tarfile, sys.argv[2] + '_FORMAT')
with tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=format) as tar:
    tar.add(sys.argv[1], arcname='.')
`;

/** Whether a form keeps times below the second. */
const FORMS: Record<string, { times: boolean; sparse?: boolean; make: (root: string) => Buffer }> = {
	'bsdtar, pax': {
		times: true,
		sparse: true,
		make: (root) => output('bsdtar', ['--format=pax', '-C', root, '-cf', '-', '.']),
	},
	'bsdtar, gnutar': {
		times: false,
		make: (root) => output('bsdtar', ['--format=gnutar', '-C', root, '-cf', '-', '.']),
	},
	busybox: { times: false, make: (root) => output('busybox', ['tar', '-C', root, '-cf', '-', '.']) },
	'Python, GNU': { times: false, make: (root) => output('python3', ['-c', PYTHON, root, 'GNU']) },
	'Python, PAX': { times: true, make: (root) => output('python3', ['-c', PYTHON, root, 'PAX']) },
};

describe('a tar by another program', () => {
	for (const [form, { times, sparse = false, make }] of Object.entries(FORMS)) {
		it(`comes back whole: ${form}`, async () => {
			const root = sample({ times });
			const target = folder();
			expect(await restoreFrom(make(root), target)).toMatchObject({ skipped: 0, warnings: [] });
			expect(seen(target)).toEqual(seen(root));
			expect(statSync(path.join(target, 'run.sh')).nlink).toBe(2);
			if (sparse) expect(isSparse(path.join(target, 'sparse'))).toBe(true);
		});
	}

	it('is opened in what gzip, zstd with several threads, and gpg made of it', async () => {
		const root = sample({ times: false });
		const tar = output('tar', ['-C', root, '-c', '.']);
		const secret = [
			'--batch',
			'--homedir',
			folder(),
			'--passphrase',
			'a long passphrase',
			'--pinentry-mode',
			'loopback',
		];
		const forms = [
			output('gzip', ['-9'], tar),
			output('zstd', ['-T0', '-q', '--long=27'], tar),
			output('gpg', [...secret, '-q', '-c', '-o', '-'], output('gzip', [], tar)),
		];
		for (const bytes of forms) {
			const target = folder();
			await restoreFrom(tarFrom(bytes, { keys: { passphrase: 'a long passphrase' } }), target);
			expect(seen(target)).toEqual(seen(root));
		}
		await expect(restoreFrom(output('bzip2', [], tar), folder())).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			hint: expect.stringContaining('bzip2 -dc') as string,
		});
	});
});
