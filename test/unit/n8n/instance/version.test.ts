import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { isOlder, versionOfProgram } from '../../../../engine/n8n/instance/version';
import { removeFolder, temporaryFolder } from '../../../services/guard';

describe('versions of n8n', () => {
	it('are compared as numbers', () => {
		expect(isOlder('2.9.0', '2.41.3')).toBe(true);
		expect(isOlder('2.41.3', '2.41.3')).toBe(false);
		expect(isOlder('3.0.0', '2.41.3')).toBe(false);
		expect(isOlder('v1.120.4', '2.0.0-rc.1')).toBe(true);
		expect(isOlder('latest', '2.41.3')).toBeUndefined();
		expect(isOlder('2.41.3', 'unknown')).toBeUndefined();
	});

	it('is found of the program that was started, also through a link', () => {
		const root = temporaryFolder('version');
		onTestFinished(() => removeFolder(root));
		mkdirSync(join(root, 'n8n/bin'), { recursive: true });
		writeFileSync(join(root, 'n8n/package.json'), '{"name":"n8n","version":"2.41.3"}');
		writeFileSync(join(root, 'n8n/bin/package.json'), '{"type":"commonjs"}');
		writeFileSync(join(root, 'n8n/bin/n8n'), '');
		symlinkSync(join(root, 'n8n/bin/n8n'), join(root, 'link'));
		expect(versionOfProgram(join(root, 'link'))).toBe('2.41.3');
		expect(versionOfProgram(join(root, 'nothing'))).toBe('unknown');
		expect(versionOfProgram('/')).toBe('unknown');
		expect(versionOfProgram(undefined)).toBe('unknown');
	});
});
