import type { IExecuteFunctions, ILoadOptionsFunctions } from 'n8n-workflow';

import { N8nApi, type N8nApiConnection } from '../../engine';
import { eventOf, withoutLogin } from '../shared/journal';

export const N8N_CREDENTIAL = 'n8nApi';

/**
 * The n8n that n8n's own API credential names; nothing is connected yet.
 * @param role Whether it is read from or written to.
 * @throws BackupError INVALID_INPUT
 */
export async function n8nApi(
	context: IExecuteFunctions | ILoadOptionsFunctions,
	item: number,
	role: 'source' | 'target',
): Promise<N8nApi> {
	const { baseUrl, apiKey } = await context.getCredentials<N8nApiConnection>(N8N_CREDENTIAL, item);
	eventOf(context, item).tell({ server: withoutLogin(baseUrl) });
	return new N8nApi({ baseUrl, apiKey }, role);
}
