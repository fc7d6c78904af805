// What the systems of the demo hold, as a hash: it is the same again where everything came back, to the last byte.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A hash over all rows of all tables of the shop. */
export async function contentOfShop(postgres, shop) {
	const tables = "SELECT format('%I', tablename) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
	const hash = createHash('sha256');
	for (const { name } of (await postgres.query(shop, tables)).rows) {
		const { rows } = await postgres.query(shop, `SELECT md5(string_agg(t::text, '\n' ORDER BY t.id)) FROM ${name} t`);
		hash.update(`${name} ${rows[0].md5}\n`);
	}
	return hash.digest('hex');
}

/** A hash over the keys, the content and the metadata of all objects of a bucket. */
export async function contentOfBucket({ client }, bucket) {
	const hash = createHash('sha256');
	for (const key of await keysOf(client, bucket)) {
		const { metaData } = await client.statObject(bucket, key);
		hash.update(`${key} ${metaData['content-type']} ${metaData['customer']}\n`);
		for await (const piece of await client.getObject(bucket, key)) hash.update(piece);
	}
	return hash.digest('hex');
}

/** The keys of all objects of a bucket, in order. */
export async function keysOf(client, bucket) {
	const keys = [];
	for await (const { name } of client.listObjectsV2(bucket, '', true)) keys.push(name);
	return keys.sort();
}

/** A hash over the names and the content of all files below a folder. */
export function contentOfFolder(folder) {
	const hash = createHash('sha256');
	for (const path of pathsBelow(folder)) hash.update(`${path}\n`).update(readFileSync(path));
	return hash.digest('hex');
}

/** The paths of all files below a folder, in order. */
export function pathsBelow(folder) {
	const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	return files.map(({ parentPath, name }) => join(parentPath, name)).sort();
}
