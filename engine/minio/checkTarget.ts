/** Whether a bucket takes what a restore or a mirror writes, found out on scratch objects that are removed again. */
import { randomUUID } from 'node:crypto';

import { finder, findingsOf, type SetupFinding } from '../preflight';
import type { StorageFeatures } from '../storage';
import type { Bucket } from './client';

/** @throws BackupError CANCELLED; what else fails is a finding */
export async function checkTarget(bucket: Bucket, signal?: AbortSignal): Promise<SetupFinding[]> {
	const { ok, warning } = finder('Write Objects', bucket.name, 'restore');
	return await findingsOf(finder('Write Objects', bucket.name, 'restore'), async () => {
		const { locksAll } = await bucket.lock(signal);
		if (locksAll !== undefined) {
			return [
				warning(
					`The bucket locks each new object (${locksAll}): what a restore or a mirror writes stays for so long, and a mirror cannot remove it. Writing was not tried, for what is tried would stay as well.`,
					`Restore into a bucket without such a rule, or take it away meanwhile: aws s3api put-object-lock-configuration --bucket ${bucket.name} --object-lock-configuration '{"ObjectLockEnabled":"Enabled"}'`,
				),
			];
		}
		const features = await bucket.features(`stack-backup-check-${randomUUID()}`, signal);
		return [ok('An object was written and removed.'), ...featureFindings(bucket.name, features)];
	});
}

function featureFindings(name: string, { uploads, createOnly, tags, listsUploads }: StorageFeatures): SetupFinding[] {
	const found = finder('Write Objects', name, 'restore');
	const labels = finder('Tags', name, 'restore');
	return [
		...(uploads === true
			? []
			: [
					found.problem(
						uploads === false
							? 'The server takes no uploads in parts, by which large objects are restored.'
							: 'The keys may not upload in parts, as large objects are restored.',
						uploads === false
							? 'Restore into another server, or a newer version of it: multipart uploads are part of S3.'
							: `Allow s3:PutObject and s3:AbortMultipartUpload on arn:aws:s3:::${name}/*.`,
					),
				]),
		...(createOnly === false
			? [
					found.warning(
						'The server has no conditional writes (If-None-Match): with Existing Objects at Skip, what somebody stores during a restore may be replaced.',
						'Let nobody write into the bucket while it is restored, or update the server.',
					),
				]
			: []),
		...(tags === true
			? []
			: tags === false
				? [labels.ok('The server has no tags, so restored objects get none.')]
				: [
						labels.warning(
							'The keys may not set tags, so an object that has some cannot be restored.',
							`Allow s3:PutObjectTagging on arn:aws:s3:::${name}/*.`,
						),
					]),
		...(listsUploads === undefined
			? [
					found.warning(
						'The keys may not list unfinished uploads, so what a killed restore has left of them stays and is paid for.',
						`Allow s3:ListBucketMultipartUploads on arn:aws:s3:::${name}, or give the bucket a lifecycle rule AbortIncompleteMultipartUpload of 1 day.`,
					),
				]
			: []),
	];
}
