import { expect, it } from 'vitest';

import { assertVersion } from '../../../../engine/qdrant/restore/compatibility';

it.each([
	['1.16.3', '1.16.3'],
	['1.16.3', '1.16.0'],
	['1.15.9', '1.16.0'],
	['v1.16.0', '1.17.2'],
	['1.16.0-dev', '1.16.0'],
	['dev', '1.16.0'],
])('%s may be restored into %s', (made, server) => {
	expect(() => assertVersion(made, server)).not.toThrow();
});

it.each([
	['1.16.3', '1.15.9'],
	['1.14.1', '1.16.0'],
	['1.16.0', '2.16.0'],
	['2.0.0', '1.16.0'],
	['1.9.0', '1.16.0'],
])('%s may not be restored into %s', (made, server) => {
	expect(() => assertVersion(made, server)).toThrow(`made by Qdrant ${made}; the server is Qdrant ${server}`);
});
