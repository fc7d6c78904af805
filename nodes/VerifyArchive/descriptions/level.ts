import type { INodeProperties } from 'n8n-workflow';

/** How deep a verification looks; what that means for an operation, and where it is shown, is added there. */
export const levelField: INodeProperties = {
	displayName: 'Level',
	name: 'level',
	type: 'options',
	options: [
		{
			name: 'Integrity',
			value: 'integrity',
			description: 'The bytes are those that were stored, and decrypt and decompress to their end',
		},
		{
			name: 'Content',
			value: 'content',
			description: 'Integrity, and what they hold is whole by the rules of its kind',
		},
		{
			name: 'Test Restore',
			value: 'restore',
			description: 'Content, and the backup is restored somewhere else, compared, and removed there again',
		},
	],
	default: 'content',
};
