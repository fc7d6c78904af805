/** What can be chosen for the two ends of a mirror: buckets of the server that each is on, and what keys in them begin with. */
import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { BackupError, listBuckets, listPrefixes, type S3Connection, shownName } from '../../../engine';
import { toListError } from '../../shared/errors';
import type { Fields } from '../../shared/fields';
import { matching } from '../../shared/listSearch/matching';
import { s3Connection } from '../../shared/s3Connection';
import { storageServer } from '../../shared/storage';
import { serversOf } from '../mirrorSettings';

type End = 'from' | 'to';

export async function searchSourceBuckets(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	return await buckets(this, 'from', filter);
}

export async function searchTargetBuckets(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	return await buckets(this, 'to', filter);
}

export async function searchSourcePrefixes(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	return await prefixes(this, 'from', filter);
}

export async function searchTargetPrefixes(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	return await prefixes(this, 'to', filter);
}

async function buckets(context: ILoadOptionsFunctions, end: End, filter: string): Promise<INodeListSearchResult> {
	try {
		const { connection, bucket } = await serverOf(context, end);
		const names = await listBuckets(connection).catch((error: unknown) => {
			// Keys of a storage are often good for its bucket alone.
			if (error instanceof BackupError && error.code === 'ACCESS_DENIED' && bucket) return [bucket];
			throw error;
		});
		return matching(
			names.map((name) => ({ name, value: name })),
			filter,
		);
	} catch (error) {
		throw toListError(context.getNode(), error);
	}
}

/** Level by level: those that begin with what is typed, up to the next slash. */
async function prefixes(context: ILoadOptionsFunctions, end: End, filter: string): Promise<INodeListSearchResult> {
	try {
		const bucket: unknown = context.getCurrentNodeParameter(`${end}Bucket`, { extractValue: true });
		if (typeof bucket !== 'string' || bucket === '' || bucket.startsWith('=')) throw noBucketYet(end);
		const { connection } = await serverOf(context, end);
		const found = await listPrefixes({ connection, buckets: [bucket], beginning: filter });
		return { results: found.map(({ prefix }) => ({ name: shownName(prefix), value: prefix })) };
	} catch (error) {
		throw toListError(context.getNode(), error);
	}
}

function noBucketYet(end: End): BackupError {
	const field = end === 'from' ? 'From Bucket' : 'To Bucket';
	return new BackupError('INVALID_INPUT', 'No bucket is chosen yet, or an expression chooses it.', {
		hint: `Choose one in ${field}, or type the prefix By Prefix.`,
	});
}

/** The server of an end, and the bucket that its credential names. */
async function serverOf(
	context: ILoadOptionsFunctions,
	end: End,
): Promise<{ connection: S3Connection; bucket?: string }> {
	const direction: unknown = context.getCurrentNodeParameter('direction');
	const servers = serversOf(direction, context.getCurrentNodeParameter('servers'));
	if (servers[end] === 'storage') return await storageServer(context);
	const options = (context.getCurrentNodeParameter('options') ?? {}) as Fields;
	return { connection: await s3Connection(context, 0, options, true) };
}
