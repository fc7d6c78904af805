import type { IExecuteFunctions, ILoadOptionsFunctions } from 'n8n-workflow';

import type { S3Connection } from '../../engine';

import { armoredBlocks } from './armor';
import { type Fields, textOf } from './fields';
import { eventOf, withoutLogin } from './journal';

export const S3_CREDENTIAL = 's3';

/** n8n's own `s3` credential. */
interface S3Credential {
	endpoint: string;
	region?: string;
	accessKeyId: string;
	secretAccessKey: string;
	sessionToken?: string;
	forcePathStyle?: boolean;
	ignoreSSLIssues?: boolean;
}

/** Whoever waits for a drop-down would rather know soon than have an outage waited for. */
const IN_THE_EDITOR = { outageMs: 10_000, firstAnswerMs: 3000, stallMs: 10_000 };

/**
 * The server that n8n's S3 credential describes; nothing is connected yet.
 * @param options The entries of Options, where the node has a certificate among them
 */
export async function s3Connection(
	context: IExecuteFunctions | ILoadOptionsFunctions,
	itemIndex: number,
	options: Fields = {},
	inEditor = false,
): Promise<S3Connection> {
	const credential = (await context.getCredentials(S3_CREDENTIAL, itemIndex)) as unknown as S3Credential;
	eventOf(context, itemIndex).tell({ server: withoutLogin(credential.endpoint) });
	const caCertificate = textOf(options['caCertificate'], 'CA Certificate');
	return {
		endpoint: credential.endpoint.trim().replace(/\/+$/, ''),
		...(credential.region && { region: credential.region }),
		accessKeyId: credential.accessKeyId,
		secretAccessKey: credential.secretAccessKey,
		...(credential.sessionToken && { sessionToken: credential.sessionToken }),
		forcePathStyle: credential.forcePathStyle ?? false,
		ignoreSslIssues: credential.ignoreSSLIssues ?? false,
		...(caCertificate && { caCertificate: armoredBlocks(caCertificate).join('\n') }),
		...(inEditor && { retry: IN_THE_EDITOR }),
	};
}
