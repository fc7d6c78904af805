import { isNotImplemented, S3Failure } from './failure';
import { listUploads, newestPartAt, type ListedUpload } from './listing';
import type { S3Requests } from './requests';

/**
 * The unfinished uploads below a prefix that were begun before a time; none where the server lists none. MinIO lists them only
 * for a whole key or for the whole bucket, so the bucket is asked where the prefix gave nothing.
 * @throws S3Failure; BackupError CANCELLED
 */
export async function uploadsBefore(
	requests: S3Requests,
	prefix: string,
	olderThan: Date,
	signal: AbortSignal | undefined,
): Promise<ListedUpload[]> {
	const found: ListedUpload[] = [];
	try {
		for (const asked of new Set([prefix, ''])) {
			for await (const upload of listUploads(requests, asked, signal)) {
				if (upload.key.startsWith(prefix) && upload.initiatedAt < olderThan) found.push(upload);
			}
			if (found.length > 0) break;
		}
	} catch (error) {
		if (!(error instanceof S3Failure) || !isNotImplemented(error)) throw error;
	}
	return found;
}

/**
 * Whether an upload that is listed as unfinished is not stale: a large archive over a slow link takes longer than a day, so
 * one that got a part meanwhile is not.
 * @throws S3Failure; BackupError CANCELLED
 */
export async function isGoingOn(
	requests: S3Requests,
	upload: ListedUpload,
	since: Date,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	try {
		const newest = await newestPartAt(requests, upload, signal);
		return newest !== undefined && newest >= since;
	} catch (error) {
		if (!(error instanceof S3Failure)) throw error;
		if (isNotImplemented(error)) return false;
		// It was completed or aborted since it was listed.
		if (error.status === 404 && error.isOfS3) return true;
		throw error;
	}
}
