import type { IExecuteFunctions, ILoadOptionsFunctions } from 'n8n-workflow';

import type { QdrantConnection } from '../../engine';

import { type Fields, numberIn } from './fields';
import { eventOf, withoutLogin } from './journal';
import { splitList } from './lists';

export const QDRANT_CREDENTIAL = 'qdrantApi';

/** n8n's own `qdrantApi` credential. */
interface QdrantCredential {
	qdrantUrl: string;
	apiKey?: string;
}

const DAY_S = 86_400;

/** A time among the Options that is given in seconds, in milliseconds. */
function secondsIn(options: Fields, name: string, unless: number, label: string, min: number): number {
	return 1000 * numberIn(options, name, unless, `${label} (Seconds)`, { min, max: DAY_S });
}

/**
 * The server that n8n's Qdrant credential describes; nothing is connected yet.
 * @param options The entries of descriptions/qdrantConnection.ts.
 * @throws BackupError INVALID_INPUT
 */
export async function qdrantConnection(
	context: IExecuteFunctions | ILoadOptionsFunctions,
	itemIndex: number,
	options: Fields = {},
): Promise<QdrantConnection> {
	const credential = (await context.getCredentials(QDRANT_CREDENTIAL, itemIndex)) as unknown as QdrantCredential;
	eventOf(context, itemIndex).tell({ server: withoutLogin(credential.qdrantUrl) });
	return {
		url: credential.qdrantUrl,
		...(credential.apiKey && { apiKey: credential.apiKey }),
		peerUrls: splitList(options['peerUrls'], 'Peer URLs'),
		timeouts: {
			connect: secondsIn(options, 'connectTimeout', 30, 'Connection Timeout', 1),
			idle: secondsIn(options, 'idleTimeout', 120, 'Idle Timeout', 0),
			operation: secondsIn(options, 'operationTimeout', 0, 'Operation Timeout', 0),
		},
	};
}
