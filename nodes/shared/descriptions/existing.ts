import type { INodeProperties } from 'n8n-workflow';

/** What a server has already: chosen from what it lists, or named. */
export function existingField({
	placeholder,
	searchListMethod,
	...field
}: Pick<INodeProperties, 'displayName' | 'name' | 'description' | 'displayOptions'> & {
	placeholder: { list: string; name: string };
	searchListMethod: string;
}): INodeProperties {
	return {
		...field,
		type: 'resourceLocator',
		required: true,
		default: { mode: 'list', value: '' },
		modes: [
			{
				displayName: 'From List',
				name: 'list',
				type: 'list',
				placeholder: placeholder.list,
				typeOptions: { searchListMethod, searchable: true },
			},
			{ displayName: 'By Name', name: 'name', type: 'string', placeholder: placeholder.name },
		],
	};
}
