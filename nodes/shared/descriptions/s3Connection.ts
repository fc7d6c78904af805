import type { INodeProperties } from 'n8n-workflow';

/** An entry of Options. */
export const caCertificateOption: INodeProperties = {
	displayName: 'CA Certificate',
	name: 'caCertificate',
	type: 'string',
	typeOptions: { rows: 4 },
	default: '',
	placeholder: 'e.g. -----BEGIN CERTIFICATE-----',
	description: "PEM of the authority that signed the S3 server's certificate, where it is one of your own",
};
