import type { INodeProperties } from 'n8n-workflow';

/** Which entries are meant, of a folder or of a backup. */
export function patternFields(displayOptions: INodeProperties['displayOptions']): INodeProperties[] {
	return [
		{
			displayName: 'Include Patterns',
			name: 'includePatterns',
			type: 'string',
			default: '',
			placeholder: 'e.g. *.pdf, contracts/**',
			description:
				'Only what fits one of these, separated by commas. Leave empty for everything. * stands for anything but a slash, ** for folders of any depth. Without a slash, a pattern is compared with the last part of a path.',
			displayOptions,
		},
		{
			displayName: 'Exclude Patterns',
			name: 'excludePatterns',
			type: 'string',
			default: '',
			placeholder: 'e.g. *.tmp, node_modules, cache/**',
			description: 'What is left out, separated by commas. Of a folder that fits, everything in it is left out.',
			displayOptions,
		},
	];
}
