import { describe, expect, it } from 'vitest';

import { roleSetting, settingValue } from '../../../../engine/postgres/globals/settings';

describe('the value of a role setting', () => {
	it('is one string for settings that are no list of names', () => {
		expect(settingValue('work_mem', '64MB')).toBe(`'64MB'`);
		expect(settingValue('datestyle', 'ISO, DMY')).toBe(`'ISO, DMY'`);
		expect(settingValue('my.path', `C:\\it's`)).toBe(`E'C:\\\\it''s'`);
	});

	it('is a list of strings for settings that the server stores as a list of quoted names', () => {
		expect(settingValue('search_path', '"$user", public')).toBe(`'$user', 'public'`);
		expect(settingValue('Search_Path', '"a,b" ,  "c ""d"""')).toBe(`'a,b', 'c "d"'`);
		expect(settingValue('search_path', '""')).toBe(`''`);
		expect(settingValue('search_path', '')).toBe(`''`);
		expect(settingValue('session_preload_libraries', '"$libdir/x\\y"')).toBe(`E'$libdir/x\\\\y'`);
	});

	it('hands on whole what is not a list after all', () => {
		expect(settingValue('search_path', 'a b')).toBe(`'a b'`);
		expect(settingValue('search_path', '"open')).toBe(`'"open'`);
	});

	it('is split from its name at the first equals sign', () => {
		expect(roleSetting('a"b', 'x.y=1=2')).toBe(`ALTER ROLE "a""b" SET "x.y" TO '1=2';`);
		expect(roleSetting('a', 'no equals sign')).toBeUndefined();
	});
});
