/** Whether a COPY's rows are one a line: not so in the formats CSV and binary. Options stand after the source. */
export function isTextFormat(statement: string): boolean {
	const options = /\bstdin\b(?![\s\S]*\bstdin\b)[\s\S]*$/i.exec(statement)?.[0] ?? '';
	return !/\b(?:csv|binary)\b/i.test(options);
}
