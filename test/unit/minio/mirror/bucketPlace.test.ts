import { expect, it } from 'vitest';

import { S3Client } from '../../../../engine/minio/client';
import { BucketPlace } from '../../../../engine/minio/mirror';

const MIB = 1024 * 1024;

it.each([
	['whole', 10, 16, 10],
	['whole', 200, 256, 200],
	['as two streams', 10, 5, 8],
])('an object that goes out %s, of %i MiB where parts have %i, is reckoned with %i', (_how, size, partSize, memory) => {
	const access = { endpoint: 'http://127.0.0.1:9', accessKeyId: 'key', secretAccessKey: 'secret' };
	const client = new S3Client({ ...access, partSize: partSize * MIB }, 'target');
	const place = new BucketPlace({ client, bucket: 'documents' });
	expect(place.memoryFor(size * MIB)).toBe(memory * MIB);
	place.close();
});
