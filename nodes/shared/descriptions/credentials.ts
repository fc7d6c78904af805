import type { INodeProperties } from 'n8n-workflow';

/**
 * Where the panel shows the credentials. Without it, n8n puts them below the last of the fields that decide which of them are
 * shown, which may be far down.
 */
export const credentialsPlace: INodeProperties = {
	displayName: 'Credentials',
	name: 'credentials',
	type: 'credentials',
	default: '',
};
