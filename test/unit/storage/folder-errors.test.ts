import { describe, expect, it } from 'vitest';

import type { ErrorCode } from '../../../engine/errors';
import { folderError } from '../../../engine/storage/folder-errors';

describe('what a file system answers', () => {
	it.each<[string, ErrorCode, RegExp]>([
		['ENOSPC', 'STORAGE_FULL', /disk is full/],
		['EDQUOT', 'STORAGE_FULL', /quota/],
		['EFBIG', 'STORAGE_FULL', /as large as/],
		['EACCES', 'STORAGE_DENIED', /uid 1000/],
		['EROFS', 'STORAGE_DENIED', /read-only/],
		['ESTALE', 'STORAGE_UNREACHABLE', /mount it again/],
		['ENOTCONN', 'STORAGE_UNREACHABLE', /is gone/],
		['ENODEV', 'STORAGE_UNREACHABLE', /is gone/],
		['ETIMEDOUT', 'STORAGE_UNREACHABLE', /does not answer/],
		['EIO', 'STORAGE_FAILED', /dmesg/],
		['EBUSY', 'STORAGE_FAILED', /using/],
		['EISDIR', 'STORAGE_FAILED', /A folder stands/],
		['ENFILE', 'STORAGE_FAILED', /open files/],
		['EWEIRD', 'STORAGE_FAILED', /EWEIRD/],
	])('%s says what happened and what to do', (code, expected, text) => {
		const error = folderError(Object.assign(new Error('no'), { code }), 'a.sql in folder backups');
		expect(error.code).toBe(expected);
		expect(`${error.message} ${error.hint}`).toMatch(text);
		expect(error.message).toContain('a.sql in folder backups');
	});
});
