import { expect, it } from 'vitest';

import { BackupError } from '../../../engine/errors';
import { checkServerVersion } from '../../../engine/postgres/serverVersion';

function failureOf(check: () => void): BackupError {
	try {
		check();
	} catch (error) {
		return error as BackupError;
	}
	throw new Error('It was accepted.');
}

it.each([100_000, 150_018, 180_004])('accepts version %i for backups and restores', (version) => {
	checkServerVersion(version, 'x', 'source');
	checkServerVersion(version, 'x', 'target');
});

it('refuses a source that is newer than the bundled pg_dump, and restores into it', () => {
	const failure = failureOf(() => checkServerVersion(190_000, '19.0', 'source'));
	expect(failure).toMatchObject({ code: 'UNSUPPORTED_VERSION', hint: expect.stringMatching(/Update/) });
	expect(failure.message).toContain('PostgreSQL 19.0');
	checkServerVersion(190_000, '19.0', 'target');
});

it.each(['source', 'target'] as const)('refuses a %s older than 10', (role) => {
	const failure = failureOf(() => checkServerVersion(90_624, '9.6.24', role));
	expect(failure).toMatchObject({ code: 'UNSUPPORTED_VERSION', hint: expect.stringMatching(/Upgrade the server/) });
	expect(failure.message).toContain('PostgreSQL 9.6.24');
});
