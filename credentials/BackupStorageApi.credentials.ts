import type { Icon, ICredentialType, INodeProperties } from 'n8n-workflow';

const onlyS3 = { show: { type: ['s3'] } };

/**
 * A setting of S3 that few need: shown where Advanced is on, and where it is set to something. n8n takes out of a credential
 * that is saved what its form does not show: one that was stored before there was Advanced would lose its settings unseen.
 */
function advanced(setting: INodeProperties): INodeProperties[] {
	const isUnset = { [setting.name]: [setting.default as string | number] };
	return [
		{ ...setting, displayOptions: { show: { type: ['s3'], advanced: [true] } } },
		{ ...setting, displayOptions: { show: { type: ['s3'], advanced: [false] }, hide: isUnset } },
	];
}

/** Where archives are kept: a folder that n8n may write to, or an S3 bucket. Tested by a node: `testBackupStorage`. */
export class BackupStorageApi implements ICredentialType {
	name = 'backupStorageApi';

	displayName = 'Backup Storage';

	icon: Icon = { light: 'file:icons/backupStorage.svg', dark: 'file:icons/backupStorage.dark.svg' };

	documentationUrl =
		'https://github.com/n8n-nodes-stack-backup/n8n-nodes-stack-backup/blob/main/docs/credentials.md#backup-storage';

	properties: INodeProperties[] = [
		{
			displayName: 'Type',
			name: 'type',
			type: 'options',
			options: [
				{ name: 'Folder', value: 'folder', description: 'A folder that n8n can write to' },
				{ name: 'S3', value: 's3', description: 'A bucket of AWS S3, MinIO or any S3-compatible server' },
			],
			default: 'folder',
		},
		{
			displayName: 'Folder Path',
			name: 'folderPath',
			type: 'string',
			required: true,
			default: '',
			placeholder: 'e.g. /home/node/.n8n-files/backups',
			description:
				'The whole path, as n8n sees it (in a container: the path inside it). It must lie in a folder that N8N_RESTRICT_FILE_ACCESS_TO allows; without that setting, in .n8n-files in the home folder of the user that n8n runs as.',
			displayOptions: { show: { type: ['folder'] } },
		},
		{
			displayName: 'Endpoint',
			name: 'endpoint',
			type: 'string',
			required: true,
			default: '',
			placeholder: 'e.g. https://s3.eu-central-1.amazonaws.com',
			description: 'Protocol, host and, where it is not the usual one, port',
			displayOptions: onlyS3,
		},
		{
			displayName: 'Region',
			name: 'region',
			type: 'string',
			default: 'us-east-1',
			description: 'Servers without regions, such as MinIO, expect us-east-1',
			displayOptions: onlyS3,
		},
		{
			displayName: 'Bucket',
			name: 'bucket',
			type: 'string',
			required: true,
			default: '',
			placeholder: 'e.g. backups',
			description: 'The bucket must exist already',
			displayOptions: onlyS3,
		},
		{
			displayName: 'Prefix',
			name: 'prefix',
			type: 'string',
			default: '',
			placeholder: 'e.g. production/n8n',
			description: 'Folder in the bucket under which everything is kept. Leave empty for the whole bucket.',
			displayOptions: onlyS3,
		},
		{
			displayName: 'Access Key ID',
			name: 'accessKeyId',
			type: 'string',
			required: true,
			default: '',
			displayOptions: onlyS3,
		},
		{
			displayName: 'Secret Access Key',
			name: 'secretAccessKey',
			type: 'string',
			typeOptions: { password: true },
			required: true,
			default: '',
			displayOptions: onlyS3,
		},
		{
			displayName: 'Force Path Style',
			name: 'forcePathStyle',
			type: 'boolean',
			default: true,
			description:
				'Whether to ask for endpoint/bucket rather than bucket.endpoint. Most servers other than AWS need it.',
			displayOptions: onlyS3,
		},
		{
			displayName: 'Ignore SSL Issues (Insecure)',
			name: 'ignoreSslIssues',
			type: 'boolean',
			default: false,
			description: 'Whether to connect even if the certificate of the server cannot be validated',
			displayOptions: onlyS3,
		},
		{
			displayName: 'Advanced',
			name: 'advanced',
			type: 'boolean',
			default: false,
			description:
				'Whether to show the settings that few need: temporary keys, certificates, storage class, encryption and locks by the server, the parts of uploads, and patience. Those that are set to something are shown anyway.',
			displayOptions: onlyS3,
		},
		...advanced({
			displayName: 'Session Token',
			name: 'sessionToken',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'Only for temporary credentials',
		}),
		...advanced({
			displayName: 'CA Certificate',
			name: 'caBundle',
			type: 'string',
			typeOptions: { rows: 4 },
			default: '',
			placeholder: 'e.g. -----BEGIN CERTIFICATE-----',
			description: 'Certificate of an authority to trust besides the usual ones, in PEM',
		}),
		...advanced({
			displayName: 'Storage Class',
			name: 'storageClass',
			type: 'string',
			default: '',
			placeholder: 'e.g. STANDARD_IA',
			description:
				'As the server names it. Leave empty for its default. Classes that must be thawed before they can be read make backups that cannot be restored at once.',
		}),
		...advanced({
			displayName: 'Server-Side Encryption',
			name: 'serverSideEncryption',
			type: 'options',
			options: [
				{ name: "As the Bucket's Default", value: 'none' },
				{ name: 'Keys of the Server (SSE-S3)', value: 'AES256' },
				{ name: 'Key Management Service (SSE-KMS)', value: 'kms' },
			],
			default: 'none',
		}),
		{
			displayName: 'KMS Key ID',
			name: 'kmsKeyId',
			type: 'string',
			required: true,
			default: '',
			// n8n's public API demands the field where the first of these holds.
			displayOptions: { show: { serverSideEncryption: ['kms'], type: ['s3'] } },
		},
		...advanced({
			displayName: 'Object Lock',
			name: 'objectLockMode',
			type: 'options',
			options: [
				{ name: "As the Bucket's Default", value: 'none' },
				{
					name: 'Governance',
					value: 'GOVERNANCE',
					description: 'Only users with a special permission can delete backups before their time',
				},
				{
					name: 'Compliance',
					value: 'COMPLIANCE',
					description: 'Nobody can delete backups before their time',
				},
			],
			default: 'none',
			description: 'Keeps backups from being deleted or replaced; the bucket must have been made with object lock',
		}),
		{
			displayName: 'Object Lock Days',
			name: 'objectLockDays',
			type: 'number',
			typeOptions: { minValue: 1 },
			default: 30,
			displayOptions: { show: { type: ['s3'], objectLockMode: ['GOVERNANCE', 'COMPLIANCE'] } },
		},
		...advanced({
			displayName: 'Part Size (MiB)',
			name: 'partSize',
			type: 'number',
			typeOptions: { minValue: 5, maxValue: 1024 },
			default: 16,
			description:
				'Size of the parts of an upload, from 5 to 1024. Where a backup is expected to need larger ones, they are larger. An upload keeps up to five parts of this size in memory, or two larger ones.',
		}),
		...advanced({
			displayName: 'Max Parts',
			name: 'maxParts',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 10000 },
			default: 10000,
			description:
				'Parts that the server takes in one upload. S3 takes 10,000; OpenStack Swift 1,000 unless it is set up for more.',
		}),
		...advanced({
			displayName: 'Outage Tolerance (Seconds)',
			name: 'outageSeconds',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 86400 },
			default: 120,
			description:
				'How long the server may be out of reach or too busy before a run fails. Until then it is asked again and again, and the run goes on where it was.',
		}),
		...advanced({
			displayName: 'Stall Timeout (Seconds)',
			name: 'stallSeconds',
			type: 'number',
			typeOptions: { minValue: 5, maxValue: 3600 },
			default: 60,
			description:
				'How long nothing may move on a connection before it counts as dropped and the request is sent again. Raise it for very slow lines.',
		}),
	];
}
