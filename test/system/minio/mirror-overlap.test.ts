import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { bucketPlace, filesIn, folder, folderPlace, objectsIn, put, run } from '../../integration/minio/mirror/support';
import { startMinio } from '../../services/s3/minio';

const overlap = { code: 'INVALID_INPUT', message: expect.stringMatching(/overlap/) as string };
const removal = { ceilingPercent: 90 };
const CONTENTS = { 'a/b/c': 'one', 'a/d': 'two', e: 'three' };

/** The same folder at another place, as containers get theirs. */
function mounted(root: string, at = path.join(folder(), 'mounted')): string {
	mkdirSync(at, { recursive: true });
	execFileSync('mount', ['--bind', root, at]);
	onTestFinished(() => void execFileSync('umount', ['--lazy', at]));
	return at;
}

it('refuses to mirror a bucket of MinIO into a prefix of itself by another name of the machine', async () => {
	const server = await startMinio();
	onTestFinished(async () => await server.stop());
	const bucket = await server.createBucket();
	await put(server, bucket, CONTENTS);
	const endpoint = server.endpoint.replace('127.0.0.1', 'localhost');
	const source = () => bucketPlace(server, bucket, 'source', { prefix: 'a/', endpoint });
	await expect(run(source(), bucketPlace(server, bucket, 'target'), { removal })).rejects.toMatchObject(overlap);
	const below = bucketPlace(server, bucket, 'target', { prefix: 'a/b/' });
	await expect(run(source(), below, { removal })).rejects.toMatchObject(overlap);
	expect(await objectsIn(server, bucket)).toEqual(CONTENTS);
});

it('refuses a folder and the same one mounted elsewhere, or one that is mounted in it', async () => {
	const root = folder(CONTENTS);
	const elsewhere = mounted(root);
	const into = async (from: string, to: string) =>
		await run(folderPlace(from, 'source'), folderPlace(to, 'target'), { removal });
	await expect(into(root, elsewhere)).rejects.toMatchObject(overlap);
	await expect(into(root, path.join(elsewhere, 'a', 'b'))).rejects.toMatchObject(overlap);
	await expect(into(path.join(root, 'a'), elsewhere)).rejects.toMatchObject(overlap);

	const other = folder({ x: 'one', y: 'two', z: 'three' });
	mounted(other, path.join(root, 'a', 'other'));
	await expect(into(root, other)).rejects.toMatchObject(overlap);
	await expect(into(other, root)).rejects.toMatchObject(overlap);
	expect(filesIn(root)).toMatchObject({ ...CONTENTS, 'a/other/x': 'one', 'a/other/z': 'three' });
});
