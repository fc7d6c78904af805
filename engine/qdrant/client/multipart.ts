import { randomUUID } from 'node:crypto';

import type { UploadBody } from './http';

/**
 * Makes the `multipart/form-data` body (RFC 7578) that an upload of a snapshot takes. Its length is known, so that the server and
 * proxies notice when it was cut short.
 *
 * Facts of 1.16.3: the server stores the file under the name given here in the folder of the collection's snapshots,
 * over one of that name, and keeps it there after the restore, failed or not (not after a wrong checksum, and not for a
 * shard's snapshot). Where the name ends in `.snapshot`, it is listed, and can be deleted.
 */
export function snapshotForm(fileName: string, size: number, content: AsyncIterable<Uint8Array>): UploadBody {
	const boundary = `stack-backup-${randomUUID()}`;
	const head = Buffer.from(
		`--${boundary}\r\n` +
			`Content-Disposition: form-data; name="snapshot"; filename="${fileName}"\r\n` +
			'Content-Type: application/octet-stream\r\n\r\n',
	);
	const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
	return {
		headers: {
			'content-type': `multipart/form-data; boundary=${boundary}`,
			'content-length': String(head.length + size + tail.length),
		},
		content: (async function* () {
			yield head;
			yield* content;
			yield tail;
		})(),
	};
}
