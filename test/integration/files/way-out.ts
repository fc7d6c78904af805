import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect } from 'vitest';

import { folder } from './stage';

/** A target with a link to a folder outside, in which nothing may ever change. */
export function stageWithWayOut() {
	const parent = folder();
	const [target, outside] = [path.join(parent, 'target'), path.join(parent, 'outside')];
	mkdirSync(target);
	mkdirSync(outside);
	writeFileSync(path.join(outside, 'kept'), 'kept');
	symlinkSync(outside, path.join(target, 'way'));
	const assertUntouched = () => {
		expect(readdirSync(parent).sort()).toEqual(['outside', 'target']);
		expect(readdirSync(outside)).toEqual(['kept']);
		expect(readFileSync(path.join(outside, 'kept'), 'utf8')).toBe('kept');
		expect(lstatSync(path.join(outside, 'kept')).nlink).toBe(1);
	};
	return { target, outside, assertUntouched };
}
