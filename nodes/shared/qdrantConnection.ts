import type { IExecuteFunctions, ILoadOptionsFunctions } from 'n8n-workflow';

import type { QdrantConnection } from '../../engine';

import { splitList } from './lists';

export const QDRANT_CREDENTIAL = 'qdrantApi';

/** n8n's own `qdrantApi` credential. */
interface QdrantCredential {
	qdrantUrl: string;
	apiKey?: string;
}

/** The entries of Options that say how to reach the server; seconds. */
export interface QdrantConnectionFields {
	connectTimeout?: number;
	idleTimeout?: number;
	operationTimeout?: number;
	peerUrls?: string;
}

/** The server that n8n's Qdrant credential describes; nothing is connected yet. */
export async function qdrantConnection(
	context: IExecuteFunctions | ILoadOptionsFunctions,
	itemIndex: number,
	{ connectTimeout = 30, idleTimeout = 120, operationTimeout = 0, peerUrls }: QdrantConnectionFields = {},
): Promise<QdrantConnection> {
	const credential = (await context.getCredentials(QDRANT_CREDENTIAL, itemIndex)) as unknown as QdrantCredential;
	return {
		url: credential.qdrantUrl,
		...(credential.apiKey && { apiKey: credential.apiKey }),
		peerUrls: splitList(peerUrls),
		timeouts: {
			connect: connectTimeout * 1000,
			idle: idleTimeout * 1000,
			operation: operationTimeout * 1000,
		},
	};
}
