import type { IExecuteFunctions } from 'n8n-workflow';
import { describe, expect, it } from 'vitest';

import { FolderStorage } from '../../../../engine';
import { bandwidthIn, limitedStorage } from '../../../../nodes/shared/bandwidth';

const contextWith = (options: unknown) => ({ getNodeParameter: () => options }) as unknown as IExecuteFunctions;

describe('the option Bandwidth Limit', () => {
	it.each([
		[{}],
		[{ bandwidthLimit: 0 }],
		[{ bandwidthLimit: '' }],
		[{ bandwidthLimit: '0' }],
		[{ bandwidthLimit: null }],
	])('is no limit where it is %j', (options) => {
		const storage = new FolderStorage({ root: '/nowhere', description: 'folder nowhere' });
		expect(bandwidthIn(options)).toBeUndefined();
		expect(limitedStorage(contextWith(options), 0, storage)).toBe(storage);
	});

	it.each([0.1, 2.5, '20', 100_000])('takes %j', (bandwidthLimit) => {
		const storage = new FolderStorage({ root: '/nowhere', description: 'folder nowhere' });
		const limited = limitedStorage(contextWith({ bandwidthLimit }), 0, storage);
		expect(limited).not.toBe(storage);
		expect(limited).toBeInstanceOf(FolderStorage);
		expect(limited.description).toBe('folder nowhere');
	});

	it.each([0.05, -1, Number.NaN, 'fast', 100_001, [5], true])('refuses %j', (bandwidthLimit) => {
		expect(() => bandwidthIn({ bandwidthLimit })).toThrow(/Bandwidth Limit \(MB\/s\) is/);
	});
});
