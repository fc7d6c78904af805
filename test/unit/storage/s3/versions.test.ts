import { describe, expect, it } from 'vitest';

import { S3Failure } from '../../../../engine/storage/s3/failure';
import type { S3Request, S3Requests } from '../../../../engine/storage/s3/requests';
import { KeptVersions } from '../../../../engine/storage/s3/versions';

const NO_LOCK = new S3Failure('none', { status: 404, code: 'ObjectLockConfigurationNotFoundError' });
const versioning = (inside: string) => `<VersioningConfiguration>${inside}</VersioningConfiguration>`;

/** A bucket that answers so to what is asked about it; every question is noted. */
function bucketOf(answers: { locks: string | S3Failure; versions: string | S3Failure }) {
	const asked: string[] = [];
	const send = async ({ query = {} }: S3Request) => {
		asked.push(...Object.keys(query));
		const answer = 'versioning' in query ? answers.versions : answers.locks;
		if (typeof answer === 'string') return await Promise.resolve({ headers: {}, text: answer });
		throw answer;
	};
	return { versions: new KeptVersions({ send } as unknown as S3Requests), asked };
}

describe('object lock', () => {
	it('is known to be off in a bucket that says so, which is asked once', async () => {
		const { versions, asked } = bucketOf({ locks: NO_LOCK, versions: versioning('') });
		const answers = await Promise.all([versions.haveNoLocks(undefined), versions.haveNoLocks(undefined)]);
		expect([...answers, await versions.haveNoLocks(undefined)]).toEqual([true, true, true]);
		expect(asked).toEqual(['object-lock', 'versioning']);
		expect(versions.notes()).toEqual([]);
	});

	it('is known to be off where versions are kept, which is told', async () => {
		const { versions } = bucketOf({ locks: NO_LOCK, versions: versioning('<Status>Enabled</Status>') });
		expect(await versions.haveNoLocks(undefined)).toBe(true);
		expect(versions.notes()).toEqual([expect.stringContaining('keeps older versions')]);
	});

	it.each([
		['is on', '<ObjectLockConfiguration/>', versioning('')],
		['is not known to the server', new S3Failure('?', { status: 501, code: 'NotImplemented' }), versioning('')],
		['may not be asked for', new S3Failure('no', { status: 403, code: 'AccessDenied' }), versioning('')],
		['is off, and versions are kept no more', NO_LOCK, versioning('<Status>Suspended</Status>')],
		['is off, and something else is answered about versions', NO_LOCK, '<ListBucketResult/>'],
		['is off, and versions may not be asked for', NO_LOCK, new S3Failure('no', { status: 403, code: 'AccessDenied' })],
	])('is looked for at each object where it %s', async (_what, locks, versions) => {
		expect(await bucketOf({ locks, versions }).versions.haveNoLocks(undefined)).toBe(false);
	});

	it('is asked for again where the server could not answer', async () => {
		const answers = { locks: new S3Failure('later', { status: 503, code: 'SlowDown' }), versions: versioning('') };
		const { versions } = bucketOf(answers);
		await expect(versions.haveNoLocks(undefined)).rejects.toThrow('later');
		answers.locks = NO_LOCK;
		expect(await versions.haveNoLocks(undefined)).toBe(true);
	});
});
