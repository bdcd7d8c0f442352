-- Orders and scheduled procedure steps for the Modality Worklist (PS3.4 Annex K).
-- Lock order: worklist rows come last, after outbox, since storing an image may set the status of a
-- step. Who writes an order touches no study in that transaction: it puts the order into
-- worklist_due, and match_due_orders() (0004_order_match.sql) looks for its studies in another
-- transaction.
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;

-- One requested procedure with its imaging service request and patient.
create table worklist_order (
    order_key bigint generated always as identity primary key,
    source text not null, -- 'fhir', 'file', 'dicom', 'sql'
    source_url text, -- FHIR base URL without slash at the end; null: no server has it
    source_reference text, -- 'ServiceRequest/123'
    source_version text,
    source_updated_at timestamptz,
    patient_reference text, -- 'Patient/9'
    encounter_reference text,
    placer_order_number text,
    placer_issuer text,
    filler_order_number text,
    filler_issuer text,
    accession_number text collate "C" not null,
    accession_issuer text not null default '',
    requested_procedure_id text collate "C" not null,
    -- several requested procedures may be of one study
    study_instance_uid text collate "C" not null,
    issuer_of_patient_id text not null default '',
    patient_id text collate "C" not null,
    patient_name text,
    patient_name_folded text,
    -- as in patient
    patient_name_alphabetic text
        generated always as (nullif(split_part(patient_name_folded, '=', 1), '') || '^') stored,
    patient_name_ideographic text
        generated always as (nullif(split_part(patient_name_folded, '=', 2), '') || '^') stored,
    patient_name_phonetic text
        generated always as (nullif(split_part(patient_name_folded, '=', 3), '') || '^') stored,
    patient_birth_date date,
    patient_sex text,
    accession_generated boolean not null default false,
    source_status text, -- as the source last said it; the status here may have changed since;
                        -- 'deleted': its server has it no more
    content text not null default '', -- digest of what the source last said
    status text not null default 'active' -- FHIR request-status
        check (status in ('draft', 'active', 'on-hold', 'revoked', 'completed',
                          'entered-in-error', 'unknown')),
    status_reason text, -- why it is not what the source last said
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    -- DICOM JSON (PS3.18 F, UTF-8): patient, visit, imaging service request, requested procedure
    attributes jsonb not null,
    unique (accession_number, accession_issuer, requested_procedure_id),
    unique (source_reference, source_url)
);
create index worklist_order_content on worklist_order (content);
create index worklist_order_placer on worklist_order (placer_order_number)
    where placer_order_number is not null;
create index worklist_order_filler on worklist_order (filler_order_number)
    where filler_order_number is not null;
create index worklist_order_requested_procedure_id on worklist_order (requested_procedure_id);
create index worklist_order_study_instance_uid on worklist_order (study_instance_uid);
create index worklist_order_patient_id on worklist_order (patient_id);
create index worklist_order_patient_name_alphabetic
    on worklist_order (patient_name_alphabetic text_pattern_ops);
create index worklist_order_patient_name_ideographic
    on worklist_order (patient_name_ideographic text_pattern_ops)
    where patient_name_ideographic is not null;
create index worklist_order_patient_name_phonetic
    on worklist_order (patient_name_phonetic text_pattern_ops)
    where patient_name_phonetic is not null;
-- Those whose server is asked for them again now and then.
create index worklist_order_followed on worklist_order (source_url, order_key)
    where source_url is not null and (status in ('draft', 'active', 'on-hold')
                                      or source_status = 'deleted');
create index worklist_order_open_patient on worklist_order (patient_reference)
    where source_url is not null and status in ('draft', 'active', 'on-hold');

-- Orders that are new or changed: studies that were there before are to be looked for.
create table worklist_due (
    order_key bigint primary key
);

create table worklist_step (
    step_key bigint generated always as identity primary key,
    order_key bigint not null references worklist_order on delete cascade,
    scheduled_procedure_step_id text collate "C" not null,
    modality text,
    scheduled_station_ae_titles text[] not null default '{}',
    scheduled_station_names text[] not null default '{}',
    scheduled_location text,
    start_date date,
    start_time time,
    end_date date,
    end_time time,
    performing_physician_name text,
    performing_physician_name_folded text,
    source_reference text, -- 'Appointment/7', 'Task/8': who schedules it at the server
    source_status text, -- as in worklist_order
    status text not null default 'SCHEDULED' -- (0040,0020)
        check (status in ('SCHEDULED', 'ARRIVED', 'READY', 'STARTED', 'DEPARTED', 'COMPLETED',
                          'CANCELED', 'DISCONTINUED')),
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    attributes jsonb not null, -- DICOM JSON: the item of (0040,0100)
    unique (order_key, scheduled_procedure_step_id)
);
create index worklist_step_start on worklist_step (start_date, start_time);
create index worklist_step_source_reference on worklist_step (source_reference)
    where source_reference is not null and status in ('SCHEDULED', 'ARRIVED', 'READY');
create index worklist_step_stations on worklist_step using gin (scheduled_station_ae_titles);

-- The last accession number that was generated for each prefix. The row is locked until COMMIT and
-- a transaction that fails gives its numbers back: there are no gaps.
create table worklist_number (
    prefix text primary key,
    last_number bigint not null
);

-- Where orders are fetched from, and how far: what the server changed since last_updated (by its
-- own clock) is asked for next time.
create table worklist_source (
    source_url text not null,
    resource_type text not null,
    last_updated timestamptz not null,
    primary key (source_url, resource_type)
);

-- The round in which the orders that are held are read from their server again, in portions: the
-- last one read, and when the round began.
create table worklist_round (
    source_url text primary key,
    order_key bigint not null,
    began_at timestamptz not null
);

-- What is matched of text and of names: fold_text() and fold_name() of store/fold.c in SQL, for
-- orders that come without that code. Two characters have no single small letter; a Greek iota
-- below another letter is one beside it.
create function fold_marks(p text) returns text language plpgsql immutable strict parallel safe
    as $$
begin
    return regexp_replace(p,
            '[\u00AD\u0300-\u036F\u0483-\u0489\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7'
            '\u0610-\u061A\u061C\u064B-\u065F\u0670\u06D6-\u06DC\u06DF-\u06E4\u06E7\u06E8'
            '\u06EA-\u06ED\u0711\u0730-\u074A\u07A6-\u07B0\u07EB-\u07F3\u07FD\u0816-\u0819'
            '\u081B-\u0823\u0825-\u0827\u0829-\u082D\u0859-\u085B\u0898-\u089F\u08CA-\u08E1'
            '\u08E3-\u0903\u093A-\u093C\u093E-\u094F\u0951-\u0957\u0962\u0963\u0981-\u0983\u09BC'
            '\u09BE-\u09C4\u09C7\u09C8\u09CB-\u09CD\u09D7\u09E2\u09E3\u09FE\u0A01-\u0A03\u0A3C'
            '\u0A3E-\u0A42\u0A47\u0A48\u0A4B-\u0A4D\u0A51\u0A70\u0A71\u0A75\u0A81-\u0A83\u0ABC'
            '\u0ABE-\u0AC5\u0AC7-\u0AC9\u0ACB-\u0ACD\u0AE2\u0AE3\u0AFA-\u0AFF\u0B01-\u0B03\u0B3C'
            '\u0B3E-\u0B44\u0B47\u0B48\u0B4B-\u0B4D\u0B55-\u0B57\u0B62\u0B63\u0B82\u0BBE-\u0BC2'
            '\u0BC6-\u0BC8\u0BCA-\u0BCD\u0BD7\u0C00-\u0C04\u0C3C\u0C3E-\u0C44\u0C46-\u0C48'
            '\u0C4A-\u0C4D\u0C55\u0C56\u0C62\u0C63\u0C81-\u0C83\u0CBC\u0CBE-\u0CC4\u0CC6-\u0CC8'
            '\u0CCA-\u0CCD\u0CD5\u0CD6\u0CE2\u0CE3\u0CF3\u0D00-\u0D03\u0D3B\u0D3C\u0D3E-\u0D44'
            '\u0D46-\u0D48\u0D4A-\u0D4D\u0D57\u0D62\u0D63\u0D81-\u0D83\u0DCA\u0DCF-\u0DD4\u0DD6'
            '\u0DD8-\u0DDF\u0DF2\u0DF3\u0E31\u0E34-\u0E3A\u0E47-\u0E4E\u0EB1\u0EB4-\u0EBC'
            '\u0EC8-\u0ECE\u0F18\u0F19\u0F35\u0F37\u0F39\u0F3E\u0F3F\u0F71-\u0F84\u0F86\u0F87'
            '\u0F8D-\u0F97\u0F99-\u0FBC\u0FC6\u102B-\u103E\u1056-\u1059\u105E-\u1060\u1062-\u1064'
            '\u1067-\u106D\u1071-\u1074\u1082-\u108D\u108F\u109A-\u109D\u115F\u1160\u135D-\u135F'
            '\u1712-\u1715\u1732-\u1734\u1752\u1753\u1772\u1773\u17B4-\u17D3\u17DD\u180B-\u180F'
            '\u1885\u1886\u18A9\u1920-\u192B\u1930-\u193B\u1A17-\u1A1B\u1A55-\u1A5E\u1A60-\u1A7C'
            '\u1A7F\u1AB0-\u1ACE\u1B00-\u1B04\u1B34-\u1B44\u1B6B-\u1B73\u1B80-\u1B82\u1BA1-\u1BAD'
            '\u1BE6-\u1BF3\u1C24-\u1C37\u1CD0-\u1CD2\u1CD4-\u1CE8\u1CED\u1CF4\u1CF7-\u1CF9'
            '\u1DC0-\u1DFF\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u206F\u20D0-\u20F0'
            '\u2CEF-\u2CF1\u2D7F\u2DE0-\u2DFF\u302A-\u302F\u3099\u309A\u3164\uA66F-\uA672'
            '\uA674-\uA67D\uA69E\uA69F\uA6F0\uA6F1\uA802\uA806\uA80B\uA823-\uA827\uA82C\uA880\uA881'
            '\uA8B4-\uA8C5\uA8E0-\uA8F1\uA8FF\uA926-\uA92D\uA947-\uA953\uA980-\uA983\uA9B3-\uA9C0'
            '\uA9E5\uAA29-\uAA36\uAA43\uAA4C\uAA4D\uAA7B-\uAA7D\uAAB0\uAAB2-\uAAB4\uAAB7\uAAB8'
            '\uAABE\uAABF\uAAC1\uAAEB-\uAAEF\uAAF5\uAAF6\uABE3-\uABEA\uABEC\uABED\uFB1E\uFE00-\uFE0F'
            '\uFE20-\uFE2F\uFEFF\uFFA0\U000101FD\U000102E0\U00010376-\U0001037A\U00010A01-\U00010A03'
            '\U00010A05\U00010A06\U00010A0C-\U00010A0F\U00010A38-\U00010A3A\U00010A3F'
            '\U00010AE5\U00010AE6\U00010D24-\U00010D27\U00010EAB\U00010EAC\U00010EFD-\U00010EFF'
            '\U00010F46-\U00010F50\U00010F82-\U00010F85\U00011000-\U00011002\U00011038-\U00011046'
            '\U00011070\U00011073\U00011074\U0001107F-\U00011082\U000110B0-\U000110BA\U000110C2'
            '\U00011100-\U00011102\U00011127-\U00011134\U00011145\U00011146\U00011173'
            '\U00011180-\U00011182\U000111B3-\U000111C0\U000111C9-\U000111CC\U000111CE\U000111CF'
            '\U0001122C-\U00011237\U0001123E\U00011241\U000112DF-\U000112EA\U00011300-\U00011303'
            '\U0001133B\U0001133C\U0001133E-\U00011344\U00011347\U00011348\U0001134B-\U0001134D'
            '\U00011357\U00011362\U00011363\U00011366-\U0001136C\U00011370-\U00011374'
            '\U00011435-\U00011446\U0001145E\U000114B0-\U000114C3\U000115AF-\U000115B5'
            '\U000115B8-\U000115C0\U000115DC\U000115DD\U00011630-\U00011640\U000116AB-\U000116B7'
            '\U0001171D-\U0001172B\U0001182C-\U0001183A\U00011930-\U00011935\U00011937\U00011938'
            '\U0001193B-\U0001193E\U00011940\U00011942\U00011943\U000119D1-\U000119D7'
            '\U000119DA-\U000119E0\U000119E4\U00011A01-\U00011A0A\U00011A33-\U00011A39'
            '\U00011A3B-\U00011A3E\U00011A47\U00011A51-\U00011A5B\U00011A8A-\U00011A99'
            '\U00011C2F-\U00011C36\U00011C38-\U00011C3F\U00011C92-\U00011CA7\U00011CA9-\U00011CB6'
            '\U00011D31-\U00011D36\U00011D3A\U00011D3C\U00011D3D\U00011D3F-\U00011D45\U00011D47'
            '\U00011D8A-\U00011D8E\U00011D90\U00011D91\U00011D93-\U00011D97\U00011EF3-\U00011EF6'
            '\U00011F00\U00011F01\U00011F03\U00011F34-\U00011F3A\U00011F3E-\U00011F42\U00013440'
            '\U00013447-\U00013455\U00016AF0-\U00016AF4\U00016B30-\U00016B36\U00016F4F'
            '\U00016F51-\U00016F87\U00016F8F-\U00016F92\U00016FE4\U00016FF0\U00016FF1'
            '\U0001BC9D\U0001BC9E\U0001BCA0-\U0001BCA3\U0001CF00-\U0001CF2D\U0001CF30-\U0001CF46'
            '\U0001D165-\U0001D169\U0001D16D-\U0001D182\U0001D185-\U0001D18B\U0001D1AA-\U0001D1AD'
            '\U0001D242-\U0001D244\U0001DA00-\U0001DA36\U0001DA3B-\U0001DA6C\U0001DA75\U0001DA84'
            '\U0001DA9B-\U0001DA9F\U0001DAA1-\U0001DAAF\U0001E000-\U0001E006\U0001E008-\U0001E018'
            '\U0001E01B-\U0001E021\U0001E023\U0001E024\U0001E026-\U0001E02A\U0001E08F'
            '\U0001E130-\U0001E136\U0001E2AE\U0001E2EC-\U0001E2EF\U0001E4EC-\U0001E4EF'
            '\U0001E8D0-\U0001E8D6\U0001E944-\U0001E94A\U000E0001\U000E0020-\U000E007F'
            '\U000E0100-\U000E01EF]', '', 'g');
end $$;
create function fold_case(p text) returns text language plpgsql immutable strict parallel safe
    as $$
begin
    return translate(p,
            'ͅABCDEFGHIJKLMNOPQRSTUVWXYZÆÐØÞĐĦŁŊŒŦƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǤǶǷȜȠȢȤȺȻȽȾɁɃɄ'
            'ɅɆɈɊɌɎͰͲͶͿΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿЂЄЅІЈЉЊЋЏАБВГДЕЖЗИКЛМНОПРСТУФХЦ'
            'ЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠ'
            'ԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖႠႡႢႣႤႥႦႧႨႩႪႫႬႭႮႯႰႱႲႳႴႵႶႷႸႹႺႻႼႽႾႿჀჁჂჃჄჅჇ'
            'ჍᏸᏹᏺᏻᏼᏽᲀᲁᲂᲃᲄᲅᲆᲇᲈᲐᲑᲒᲓᲔᲕᲖᲗᲘᲙᲚᲛᲜᲝᲞᲟᲠᲡᲢᲣᲤᲥᲦᲧᲨᲩᲪᲫᲬᲭᲮᲯᲰᲱᲲᲳᲴᲵᲶᲷᲸᲹᲺᲽᲾᲿỺỼỾℲↃⰀⰁⰂⰃⰄⰅⰆⰇⰈⰉⰊⰋⰌⰍⰎⰏⰐ'
            'ⰑⰒⰓⰔⰕⰖⰗⰘⰙⰚⰛⰜⰝⰞⰟⰠⰡⰢⰣⰤⰥⰦⰧⰨⰩⰪⰫⰬⰭⰮⰯⱠⱢⱣⱤⱧⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿⲀⲂⲄⲆⲈⲊⲌⲎⲐⲒⲔⲖⲘⲚⲜⲞⲠⲢⲤⲦⲨⲪⲬⲮⲰⲲⲴⲶⲸⲺⲼⲾⳀⳂⳄⳆⳈⳊ'
            'ⳌⳎⳐⳒⳔⳖⳘⳚⳜⳞⳠⳢⳫⳭⳲꙀꙂꙄꙆꙈꙊꙌꙎꙐꙒꙔꙖꙘꙚꙜꙞꙠꙢꙤꙦꙨꙪꙬꚀꚂꚄꚆꚈꚊꚌꚎꚐꚒꚔꚖꚘꚚꜢꜤꜦꜨꜪꜬꜮꜲꜴꜶꜸꜺꜼꜾꝀꝂꝄꝆꝈꝊꝌꝎꝐꝒꝔꝖꝘꝚꝜꝞꝠꝢ'
            'ꝤꝦꝨꝪꝬꝮꝹꝻꝽꝾꞀꞂꞄꞆꞋꞍꞐꞒꞖꞘꞚꞜꞞꞠꞢꞤꞦꞨꞪꞫꞬꞭꞮꞰꞱꞲꞳꞴꞶꞸꞺꞼꞾꟀꟂꟄꟅꟆꟇꟉꟐꟖꟘꟵꭰꭱꭲꭳꭴꭵꭶꭷꭸꭹꭺꭻꭼꭽꭾꭿꮀꮁꮂꮃꮄꮅꮆꮇꮈꮉꮊꮋꮌꮍ'
            'ꮎꮏꮐꮑꮒꮓꮔꮕꮖꮗꮘꮙꮚꮛꮜꮝꮞꮟꮠꮡꮢꮣꮤꮥꮦꮧꮨꮩꮪꮫꮬꮭꮮꮯꮰꮱꮲꮳꮴꮵꮶꮷꮸꮹꮺꮻꮼꮽꮾꮿ𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇𐐈𐐉𐐊𐐋𐐌𐐍𐐎𐐏𐐐𐐑𐐒𐐓𐐔𐐕𐐖𐐗𐐘𐐙𐐚𐐛𐐜𐐝𐐞𐐟𐐠𐐡'
            '𐐢𐐣𐐤𐐥𐐦𐐧𐒰𐒱𐒲𐒳𐒴𐒵𐒶𐒷𐒸𐒹𐒺𐒻𐒼𐒽𐒾𐒿𐓀𐓁𐓂𐓃𐓄𐓅𐓆𐓇𐓈𐓉𐓊𐓋𐓌𐓍𐓎𐓏𐓐𐓑𐓒𐓓𐕰𐕱𐕲𐕳𐕴𐕵𐕶𐕷𐕸𐕹𐕺𐕼𐕽𐕾𐕿𐖀𐖁𐖂𐖃𐖄𐖅𐖆𐖇𐖈𐖉𐖊𐖌𐖍𐖎𐖏𐖐𐖑𐖒𐖔𐖕𐲀𐲁𐲂𐲃𐲄𐲅𐲆'
            '𐲇𐲈𐲉𐲊𐲋𐲌𐲍𐲎𐲏𐲐𐲑𐲒𐲓𐲔𐲕𐲖𐲗𐲘𐲙𐲚𐲛𐲜𐲝𐲞𐲟𐲠𐲡𐲢𐲣𐲤𐲥𐲦𐲧𐲨𐲩𐲪𐲫𐲬𐲭𐲮𐲯𐲰𐲱𐲲𑢠𑢡𑢢𑢣𑢤𑢥𑢦𑢧𑢨𑢩𑢪𑢫𑢬𑢭𑢮𑢯𑢰𑢱𑢲𑢳𑢴𑢵𑢶𑢷𑢸𑢹𑢺𑢻𑢼𑢽𑢾𑢿𖹀𖹁𖹂𖹃𖹄𖹅𖹆𖹇'
            '𖹈𖹉𖹊𖹋𖹌𖹍𖹎𖹏𖹐𖹑𖹒𖹓𖹔𖹕𖹖𖹗𖹘𖹙𖹚𖹛𖹜𖹝𖹞𖹟𞤀𞤁𞤂𞤃𞤄𞤅𞤆𞤇𞤈𞤉𞤊𞤋𞤌𞤍𞤎𞤏𞤐𞤑𞤒𞤓𞤔𞤕𞤖𞤗𞤘𞤙𞤚𞤛𞤜𞤝𞤞𞤟𞤠𞤡',
            'ιabcdefghijklmnopqrstuvwxyzæðøþđħłŋœŧɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵƣƥʀƨʃƭʈʊʋƴƶʒƹƽǥƕƿȝƞȣȥⱥȼƚⱦɂƀʉ'
            'ʌɇɉɋɍɏͱͳͷϳαβγδεζηθικλμνξοπρστυφχψωσϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽђєѕіјљњћџабвгдежзиклмнопрстуфхц'
            'чшщъыьэюяѡѣѥѧѩѫѭѯѱѳѵѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡ'
            'ԣԥԧԩԫԭԯաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆⴀⴁⴂⴃⴄⴅⴆⴇⴈⴉⴊⴋⴌⴍⴎⴏⴐⴑⴒⴓⴔⴕⴖⴗⴘⴙⴚⴛⴜⴝⴞⴟⴠⴡⴢⴣⴤⴥⴧ'
            'ⴭᏰᏱᏲᏳᏴᏵвдосттъѣꙋაბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰჱჲჳჴჵჶჷჸჹჺჽჾჿỻỽỿⅎↄⰰⰱⰲⰳⰴⰵⰶⰷⰸⰹⰺⰻⰼⰽⰾⰿⱀ'
            'ⱁⱂⱃⱄⱅⱆⱇⱈⱉⱊⱋⱌⱍⱎⱏⱐⱑⱒⱓⱔⱕⱖⱗⱘⱙⱚⱛⱜⱝⱞⱟⱡɫᵽɽⱨⱪⱬɑɱɐɒⱳⱶȿɀⲁⲃⲅⲇⲉⲋⲍⲏⲑⲓⲕⲗⲙⲛⲝⲟⲡⲣⲥⲧⲩⲫⲭⲯⲱⲳⲵⲷⲹⲻⲽⲿⳁⳃⳅⳇⳉⳋ'
            'ⳍⳏⳑⳓⳕⳗⳙⳛⳝⳟⳡⳣⳬⳮⳳꙁꙃꙅꙇꙉꙋꙍꙏꙑꙓꙕꙗꙙꙛꙝꙟꙡꙣꙥꙧꙩꙫꙭꚁꚃꚅꚇꚉꚋꚍꚏꚑꚓꚕꚗꚙꚛꜣꜥꜧꜩꜫꜭꜯꜳꜵꜷꜹꜻꜽꜿꝁꝃꝅꝇꝉꝋꝍꝏꝑꝓꝕꝗꝙꝛꝝꝟꝡꝣ'
            'ꝥꝧꝩꝫꝭꝯꝺꝼᵹꝿꞁꞃꞅꞇꞌɥꞑꞓꞗꞙꞛꞝꞟꞡꞣꞥꞧꞩɦɜɡɬɪʞʇʝꭓꞵꞷꞹꞻꞽꞿꟁꟃꞔʂᶎꟈꟊꟑꟗꟙꟶᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱᎲᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽ'
            'ᎾᎿᏀᏁᏂᏃᏄᏅᏆᏇᏈᏉᏊᏋᏌᏍᏎᏏᏐᏑᏒᏓᏔᏕᏖᏗᏘᏙᏚᏛᏜᏝᏞᏟᏠᏡᏢᏣᏤᏥᏦᏧᏨᏩᏪᏫᏬᏭᏮᏯ𐐨𐐩𐐪𐐫𐐬𐐭𐐮𐐯𐐰𐐱𐐲𐐳𐐴𐐵𐐶𐐷𐐸𐐹𐐺𐐻𐐼𐐽𐐾𐐿𐑀𐑁𐑂𐑃𐑄𐑅𐑆𐑇𐑈𐑉'
            '𐑊𐑋𐑌𐑍𐑎𐑏𐓘𐓙𐓚𐓛𐓜𐓝𐓞𐓟𐓠𐓡𐓢𐓣𐓤𐓥𐓦𐓧𐓨𐓩𐓪𐓫𐓬𐓭𐓮𐓯𐓰𐓱𐓲𐓳𐓴𐓵𐓶𐓷𐓸𐓹𐓺𐓻𐖗𐖘𐖙𐖚𐖛𐖜𐖝𐖞𐖟𐖠𐖡𐖣𐖤𐖥𐖦𐖧𐖨𐖩𐖪𐖫𐖬𐖭𐖮𐖯𐖰𐖱𐖳𐖴𐖵𐖶𐖷𐖸𐖹𐖻𐖼𐳀𐳁𐳂𐳃𐳄𐳅𐳆'
            '𐳇𐳈𐳉𐳊𐳋𐳌𐳍𐳎𐳏𐳐𐳑𐳒𐳓𐳔𐳕𐳖𐳗𐳘𐳙𐳚𐳛𐳜𐳝𐳞𐳟𐳠𐳡𐳢𐳣𐳤𐳥𐳦𐳧𐳨𐳩𐳪𐳫𐳬𐳭𐳮𐳯𐳰𐳱𐳲𑣀𑣁𑣂𑣃𑣄𑣅𑣆𑣇𑣈𑣉𑣊𑣋𑣌𑣍𑣎𑣏𑣐𑣑𑣒𑣓𑣔𑣕𑣖𑣗𑣘𑣙𑣚𑣛𑣜𑣝𑣞𑣟𖹠𖹡𖹢𖹣𖹤𖹥𖹦𖹧'
            '𖹨𖹩𖹪𖹫𖹬𖹭𖹮𖹯𖹰𖹱𖹲𖹳𖹴𖹵𖹶𖹷𖹸𖹹𖹺𖹻𖹼𖹽𖹾𖹿𞤢𞤣𞤤𞤥𞤦𞤧𞤨𞤩𞤪𞤫𞤬𞤭𞤮𞤯𞤰𞤱𞤲𞤳𞤴𞤵𞤶𞤷𞤸𞤹𞤺𞤻𞤼𞤽𞤾𞤿𞥀𞥁𞥂𞥃');
end $$;

-- Most names need less than all of it: Latin letters without their accents are ASCII, and scripts
-- of Asia have no case.
create function fold_letters(p text) returns text language plpgsql immutable strict parallel safe
    as $$
declare
    t text;
begin
    if p ~ '^[ -~]*$' then
        return lower(p collate "C");
    end if;
    t := normalize(p, NFKD);
    if isthmus.fold_marks(t) ~ '^[ -~]*$' and t !~ '\u0345' then
        return lower(isthmus.fold_marks(t) collate "C");
    end if;
    t := replace(replace(t, 'ß', 'ss'), 'ẞ', 'ss');
    if t ~ '[^ -~\u0300-\u036F\u0590-\u109F\u1100-\u11FF\u2E80-\uA63F\uAC00-\uD7FF]' then
        return normalize(isthmus.fold_marks(isthmus.fold_case(t)), NFC);
    end if;
    return normalize(isthmus.fold_marks(lower(t collate "C")), NFC);
end $$;
create function fold_text(p text) returns text language plpgsql immutable strict parallel safe
    as $$
begin
    return btrim(regexp_replace(isthmus.fold_letters(p), ' {2,}', ' ', 'g'), ' ');
end $$;

create function fold_name(p text) returns text language plpgsql immutable strict parallel safe
    as $$
begin
    return rtrim(regexp_replace(regexp_replace(isthmus.fold_text(p), ' *([=^]) *', '\1', 'g'),
                                '\^+(=|$)', '\1', 'g'), '=');
end $$;

-- The functions below are either simple enough to become part of the expression that calls them, or
-- in plpgsql, which keeps its plans; another one in SQL would be planned again at each call.

-- The first value of an attribute of DICOM JSON, a PN as it stands in DICOM, a sequence's first
-- item; null: none.
create function dicom_text(a jsonb, tag text) returns text language sql immutable
    return nullif(btrim(a #>> array[tag, 'Value', '0'], ' '), '');
create function dicom_name(a jsonb, tag text) returns text language sql immutable
    return nullif(rtrim(coalesce(a #>> array[tag, 'Value', '0', 'Alphabetic'], '') || '='
                        || coalesce(a #>> array[tag, 'Value', '0', 'Ideographic'], '') || '='
                        || coalesce(a #>> array[tag, 'Value', '0', 'Phonetic'], ''), '='), '');
create function dicom_item(a jsonb, tag text) returns jsonb language sql immutable
    return a #> array[tag, 'Value', '0'];
-- Attributes of this one.
create function dicom_element(tag text, vr text, value text) returns jsonb language sql stable
    return jsonb_build_object(tag, jsonb_build_object('vr', vr, 'Value', array[value]));
create function dicom_texts(a jsonb, tag text) returns text[] language plpgsql immutable as $$
declare
    v jsonb := a #> array[tag, 'Value'];
    t text[] := '{}';
begin
    for i in 0 .. coalesce(jsonb_array_length(v), 0) - 1 loop
        if btrim(v ->> i, ' ') <> '' then
            t := t || btrim(v ->> i, ' ');
        end if;
    end loop;
    return t;
end $$;

-- DA and TM; null: none, or not one. Hours alone and fractions of a second are times too.
create function dicom_date(p text) returns date language sql immutable
    return case when p ~ '^[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])$' and p >= '0001'
        and right(p, 2)::integer <= extract(day from
            make_date(left(p, 4)::integer, substr(p, 5, 2)::integer, 1)
            + interval '1 month - 1 day')
        then make_date(left(p, 4)::integer, substr(p, 5, 2)::integer, right(p, 2)::integer) end;
create function dicom_time(p text) returns time language sql immutable
    return case when p ~ '^([01][0-9]|2[0-3])([0-5][0-9]([0-5][0-9](\.[0-9]{1,6})?)?)?$'
        then make_time(substr(p, 1, 2)::integer, ('0' || substr(p, 3, 2))::integer,
                       ('0' || substr(p, 5))::double precision) end;

-- An issuer (HD): the name known everywhere, else the one known here.
create function dicom_issuer(item jsonb) returns text language sql immutable
    return coalesce(isthmus.dicom_text(item, '00400032'), isthmus.dicom_text(item, '00400031'));

-- A UUID as a UID (PS3.5 B.2).
create function uid_of_uuid(p uuid) returns text language plpgsql immutable as $$
declare
    h text := replace(p::text, '-', '');
begin
    return '2.25.' || (('x' || substr(h, 1, 8))::bit(32)::bigint * 79228162514264337593543950336
        + ('x' || substr(h, 9, 8))::bit(32)::bigint * 18446744073709551616
        + ('x' || substr(h, 17, 8))::bit(32)::bigint * 4294967296::numeric
        + ('x' || substr(h, 25, 8))::bit(32)::bigint);
end $$;

create function dicom_tag(key text) returns text language sql immutable
    return '(' || left(key, 4) || ',' || right(key, 4) || ')';

-- What is wrong with one value of attribute @key, or null.
create function dicom_value_fault(key text, vr text, v jsonb) returns text
    language plpgsql immutable as $$
declare
    t text := v #>> '{}';
begin
    if jsonb_typeof(v) = 'object' and vr = 'SQ' then
        return null;
    elsif vr = 'SQ' then
        return 'an item of a sequence is not a JSON object';
    elsif vr = 'PN' and jsonb_typeof(v) = 'object'
          and v - '{Alphabetic,Ideographic,Phonetic}'::text[] = '{}'
          and not jsonb_path_exists(v, '$.* ? (@.type() != "string")') then
        t := concat_ws('^', v ->> 'Alphabetic', v ->> 'Ideographic', v ->> 'Phonetic');
        if t like '%=%' then
            return isthmus.dicom_tag(key) || ' has = in a group of a name';
        end if;
    elsif vr = 'PN' and jsonb_typeof(v) <> 'null'
          or jsonb_typeof(v) not in ('string', 'number', 'null') then
        return isthmus.dicom_tag(key) || ' has a value of the wrong type';
    end if;
    if t ~ (case when vr in ('LT', 'ST', 'UT') then '[\u0001-\u0008\u000B\u000E-\u001F\u007F]'
                 when vr = 'UR' then '[\u0001-\u001F\u007F]'
                 else '[\u0001-\u001F\u007F\\]' end) then
        return isthmus.dicom_tag(key) || ' has control characters or a backslash in a value';
    end if;
    if length(t) > (case when vr in ('LT', 'UT', 'UC', 'UR') then 10240 else 1024 end) then
        return isthmus.dicom_tag(key) || ' has a value that is too long';
    end if;
    return null;
end $$;

-- What of @a is not DICOM JSON as we take it, in sentences without values; some more than once.
create function dicom_faults(a jsonb) returns text[] language plpgsql immutable as $$
begin
    if jsonb_typeof(a) is distinct from 'object' then
        return array['attributes are not a JSON object'];
    end if;
    return array(with recursive e as (
        select 0 as depth, j.key, j.value ->> 'vr' as vr, j.value -> 'Value' as v
        from jsonb_each(a) j
        union all
        select e.depth + 1, j.key, j.value ->> 'vr', j.value -> 'Value'
        from e, jsonb_path_query(e.v, '$[*] ? (@.type() == "object")') i, jsonb_each(i) j
        where e.vr = 'SQ' and e.depth < 9
    )
    select f from (
        select case
            when length(e.key) <> 8 or rtrim(e.key, '0123456789ABCDEF') <> ''
                then 'a member of attributes is not a tag of 8 hexadecimal digits'
            when coalesce(e.vr, '') <> all (
                    '{AE,AS,AT,CS,DA,DS,DT,FD,FL,IS,LO,LT,OB,OD,OF,OL,OV,OW,PN,SH,SL,SQ,SS,ST,SV,'
                    'TM,UC,UI,UL,UN,UR,US,UT,UV}'::text[])
                then isthmus.dicom_tag(e.key) || ' has no vr that is a value representation'
            when jsonb_typeof(e.v) <> 'array'
                then isthmus.dicom_tag(e.key) || ' has a Value that is not an array'
            when e.depth > 8 then 'sequences are nested more than 8 deep'
            when e.v is null then null
            when e.vr <> 'PN' and jsonb_array_length(e.v) = 1 -- most are, and have no fault
                 and case jsonb_typeof(e.v -> 0)
                     when 'string' then e.vr <> 'SQ' and length(e.v ->> 0) <= 64
                          and e.v ->> 0 !~ '[\u0001-\u001F\u007F\\]'
                     when 'object' then e.vr = 'SQ' else false end
                then null
            else (select min(isthmus.dicom_value_fault(e.key, e.vr, i))
                  from jsonb_array_elements(e.v) i)
            end as f
        from e offset 0) q -- else it is worked out twice
    where f is not null);
end $$;

-- A text that must fit: its fault, or null.
create function worklist_text_fault(what text, value text, longest integer, mandatory boolean)
    returns text language plpgsql immutable as $$
begin
    if value is null and mandatory then
        return what || ' is missing';
    elsif length(value) > longest then
        return what || ' is longer than ' || longest || ' characters';
    end if;
    return null;
end $$;

-- The faults of scheduled procedure step @n of an order.
create function worklist_step_faults(item jsonb, n bigint) returns text[]
    language plpgsql immutable as $$
declare
    at text := ' of scheduled procedure step ' || n;
    t text;
    f text[];
begin
    f := array[
        isthmus.worklist_text_fault('Modality (0008,0060)' || at,
                                    isthmus.dicom_text(item, '00080060'), 16, true),
        isthmus.worklist_text_fault('Scheduled Procedure Step ID (0040,0009)' || at,
                                    isthmus.dicom_text(item, '00400009'), 16, false)];
    if isthmus.dicom_text(item, '00400002') is null then
        f := f || ('Scheduled Procedure Step Start Date (0040,0002)' || at || ' is missing');
    end if;
    foreach t in array isthmus.dicom_texts(item, '00400001') loop
        if length(t) > 16 then
            f := f || ('Scheduled Station AE Title (0040,0001)' || at
                       || ' is longer than 16 characters');
        end if;
    end loop;
    foreach t in array '{00400002,00400004}'::text[] loop
        if isthmus.dicom_text(item, t) is not null
           and isthmus.dicom_date(isthmus.dicom_text(item, t)) is null then
            f := f || (isthmus.dicom_tag(t) || at || ' is not a date (YYYYMMDD)');
        end if;
    end loop;
    foreach t in array '{00400003,00400005}'::text[] loop
        if isthmus.dicom_text(item, t) is not null
           and isthmus.dicom_time(isthmus.dicom_text(item, t)) is null then
            f := f || (isthmus.dicom_tag(t) || at || ' is not a time (HHMMSS)');
        end if;
    end loop;
    if isthmus.dicom_text(item, '00400020') not in ('SCHEDULED', 'ARRIVED', 'READY', 'STARTED',
            'DEPARTED', 'COMPLETED', 'CANCELED', 'DISCONTINUED') then
        f := f || ('Scheduled Procedure Step Status (0040,0020)' || at || ' is not a status');
    end if;
    return f;
end $$;

-- Everything that is wrong with an order as such; what depends on other orders is found by
-- worklist_put_one().
create function worklist_faults(o jsonb) returns text[] language plpgsql immutable as $$
declare
    a jsonb := o -> 'attributes';
    steps jsonb;
    v_id text;
    v_ids text[] := '{}';
    f text[];
begin
    f := isthmus.dicom_faults(a);
    if f <> '{}' then
        return array(select distinct i from unnest(f) i);
    end if;
    f := array[
        isthmus.worklist_text_fault('Patient ID (0010,0020)',
                                    isthmus.dicom_text(a, '00100020'), 64, true),
        isthmus.worklist_text_fault('Patient''s Name (0010,0010)',
                                    isthmus.dicom_name(a, '00100010'), 200, true),
        isthmus.worklist_text_fault('Accession Number (0008,0050)',
                                    isthmus.dicom_text(a, '00080050'), 16, false),
        isthmus.worklist_text_fault('Requested Procedure ID (0040,1001)',
                                    isthmus.dicom_text(a, '00401001'), 16, false)];
    if isthmus.dicom_text(a, '00100030') is not null
       and isthmus.dicom_date(isthmus.dicom_text(a, '00100030')) is null then
        f := f || 'Patient''s Birth Date (0010,0030) is not a date (YYYYMMDD)'::text;
    end if;
    if isthmus.dicom_text(a, '0020000D') !~ '^[0-9]+(\.[0-9]+)+$'
       or length(isthmus.dicom_text(a, '0020000D')) > 64 then
        f := f || 'Study Instance UID (0020,000D) is not a UID'::text;
    end if;
    if o ->> 'status' not in ('draft', 'active', 'on-hold', 'revoked', 'completed',
                              'entered-in-error', 'unknown') then
        f := f || 'status is not one of FHIR''s request-status codes'::text;
    end if;
    if right(o ->> 'source_url', 1) = '/' then
        f := f || 'source_url ends with a slash'::text;
    end if;
    if jsonb_path_exists(o - '{attributes,all_steps,current,step_references}'::text[],
                         '$.* ? (@.type() != "string" && @.type() != "null")') then
        f := f || 'a member of the order is not a text'::text;
    end if;
    if jsonb_typeof(o -> 'step_references') <> 'object' then
        f := f || 'step_references is not a JSON object'::text;
    end if;
    steps := a #> '{00400100,Value}';
    if coalesce(jsonb_array_length(steps), 0) = 0 then
        f := f || 'Scheduled Procedure Step Sequence (0040,0100) is missing'::text;
    elsif jsonb_array_length(steps) > 100 then
        f := f || 'there are more than 100 scheduled procedure steps'::text;
    else
        for i in 0 .. jsonb_array_length(steps) - 1 loop
            f := f || isthmus.worklist_step_faults(steps -> i, i + 1);
            v_id := coalesce(isthmus.dicom_text(steps -> i, '00400009'), (i + 1)::text);
            if v_id = any (v_ids) then
                f := f || 'two scheduled procedure steps have the same ID (0040,0009)'::text;
            end if;
            v_ids := v_ids || v_id;
        end loop;
    end if;
    return array_remove(f, null);
end $$;

-- An accession number that nobody has, made of the prefix and the next number.
create function worklist_next_number(p_prefix text, p_digits integer) returns text
    language plpgsql as $$
declare
    n bigint;
    v text;
begin
    loop
        insert into isthmus.worklist_number as w (prefix, last_number) values (p_prefix, 1)
        on conflict (prefix) do update set last_number = w.last_number + 1
        returning last_number into n;
        if length(n::text) > p_digits then
            raise exception 'the accession numbers of this prefix are used up'
                using errcode = 'sequence_generator_limit_exceeded';
        end if;
        v := p_prefix || lpad(n::text, p_digits, '0');
        exit when not exists (select from isthmus.worklist_order where accession_number = v)
            and not exists (select from isthmus.study where accession_number = v);
    end loop;
    return v;
end $$;

-- What a step becomes when somebody says @given. What has begun is not planned again.
create function worklist_next_status(old text, given text) returns text language sql immutable
    return case when given is null then old
                when given in ('SCHEDULED', 'ARRIVED', 'READY')
                     and old in ('STARTED', 'DEPARTED', 'COMPLETED', 'DISCONTINUED') then old
                when given in ('STARTED', 'DEPARTED') and old = 'COMPLETED' then old
                else given end;

-- The steps follow their order, which became @p_status.
create function worklist_follow(p_order_key bigint, p_status text) returns void language sql as $$
    update isthmus.worklist_step s set status = n.status, changed_at = now()
    from (select step_key, case
              when p_status in ('revoked', 'entered-in-error') then
                  case when status in ('SCHEDULED', 'ARRIVED', 'READY') then 'CANCELED'
                       when status in ('STARTED', 'DEPARTED') then 'DISCONTINUED' else status end
              when p_status = 'completed' then
                  case when status in ('CANCELED', 'DISCONTINUED') then status else 'COMPLETED' end
              when status = 'CANCELED' and source_status is distinct from 'CANCELED'
                  then 'SCHEDULED'
              else status end as status
          from isthmus.worklist_step where order_key = p_order_key order by step_key for update) n
    where s.step_key = n.step_key and s.status <> n.status
$$;

-- The order that @o speaks of again, if it is known: by its place at its server, else by accession
-- number, order numbers, Requested Procedure ID, Study Instance UID. An order that this server has
-- under another reference is another one.
create function worklist_find(o jsonb) returns isthmus.worklist_order language plpgsql stable as $$
declare
    a jsonb := o -> 'attributes';
    v_url text := o ->> 'source_url';
    v_reference text := o ->> 'source_reference';
    v_accession text := isthmus.dicom_text(a, '00080050');
    v_issuer text := coalesce(isthmus.dicom_issuer(isthmus.dicom_item(a, '00080051')), '');
    v_procedure text := isthmus.dicom_text(a, '00401001');
    v_placer text := coalesce(isthmus.dicom_text(a, '00402016'), isthmus.dicom_text(a, '00402006'));
    v_filler text := coalesce(isthmus.dicom_text(a, '00402017'), isthmus.dicom_text(a, '00402007'));
    v_placer_issuer text := isthmus.dicom_issuer(isthmus.dicom_item(a, '00400026'));
    v_filler_issuer text := isthmus.dicom_issuer(isthmus.dicom_item(a, '00400027'));
    v_patient text := isthmus.dicom_text(a, '00100020');
    v_uid text := isthmus.dicom_text(a, '0020000D');
    w isthmus.worklist_order;
begin
    select * into w from isthmus.worklist_order
    where source_reference = v_reference and source_url = v_url;
    if not found and v_accession is not null then
        select * into w from isthmus.worklist_order c
        where c.accession_number = v_accession and c.accession_issuer = v_issuer
          and (v_procedure is null -- or one that was made here for want of another
               or c.requested_procedure_id in (v_procedure, c.accession_number))
          and (c.source_url is null or v_url is null or c.source_url <> v_url
               or c.source_reference = v_reference)
        order by c.requested_procedure_id is distinct from v_procedure, c.order_key limit 1;
    end if;
    if w.order_key is null and (v_placer is not null or v_filler is not null) then
        select * into w from isthmus.worklist_order c
        where (c.placer_order_number = v_placer or c.filler_order_number = v_filler)
          and c.placer_order_number is not distinct from v_placer
          and c.filler_order_number is not distinct from v_filler
          and c.placer_issuer is not distinct from v_placer_issuer
          and c.filler_issuer is not distinct from v_filler_issuer
          and (v_accession is null or c.accession_generated)
          and (c.requested_procedure_id = v_procedure or v_procedure is null)
          and (c.source_url is null or v_url is null or c.source_url <> v_url)
        order by c.order_key limit 1;
    end if;
    if w.order_key is null and v_accession is null then
        select * into w from isthmus.worklist_order c
        where c.patient_id = v_patient and c.accession_generated
          and (c.source_url is null or v_url is null or c.source_url <> v_url)
          and (c.study_instance_uid = v_uid
                  and (c.requested_procedure_id = v_procedure or v_procedure is null)
               or v_uid is null and c.requested_procedure_id = v_procedure
                  and v_placer is null and v_filler is null
               or v_url is null and c.source_url is null and c.source_reference = v_reference)
        order by c.order_key limit 1;
    end if;
    return w;
end $$;

-- Steps as they were last told.
create function worklist_put_steps(p_order_key bigint, steps jsonb, p_references jsonb,
                                   p_all boolean) returns void
    language plpgsql as $$
declare
    item jsonb;
    n bigint;
    s isthmus.worklist_step;
    v_ids text[] := '{}';
begin
    for item, n in select * from jsonb_array_elements(steps) with ordinality loop
        s.scheduled_procedure_step_id := coalesce(isthmus.dicom_text(item, '00400009'), n::text);
        v_ids := v_ids || s.scheduled_procedure_step_id;
        s.modality := isthmus.dicom_text(item, '00080060');
        s.scheduled_station_ae_titles := isthmus.dicom_texts(item, '00400001');
        s.scheduled_station_names := isthmus.dicom_texts(item, '00400010');
        s.scheduled_location := isthmus.dicom_text(item, '00400011');
        s.start_date := isthmus.dicom_date(isthmus.dicom_text(item, '00400002'));
        s.start_time := coalesce(isthmus.dicom_time(isthmus.dicom_text(item, '00400003')),
                                 time '00:00');
        s.end_date := isthmus.dicom_date(isthmus.dicom_text(item, '00400004'));
        s.end_time := isthmus.dicom_time(isthmus.dicom_text(item, '00400005'));
        s.performing_physician_name := isthmus.dicom_name(item, '00400006');
        s.performing_physician_name_folded := isthmus.fold_name(s.performing_physician_name);
        s.source_reference := p_references ->> s.scheduled_procedure_step_id;
        s.source_status := isthmus.dicom_text(item, '00400020');
        s.status := coalesce(s.source_status, 'SCHEDULED');
        s.attributes := item - '00400020'
            || isthmus.dicom_element('00400009', 'SH', s.scheduled_procedure_step_id);
        -- The values are in variables: a statement that computes many is slow to start.
        insert into isthmus.worklist_step as t (order_key, scheduled_procedure_step_id, modality,
            scheduled_station_ae_titles, scheduled_station_names, scheduled_location, start_date,
            start_time, end_date, end_time, performing_physician_name,
            performing_physician_name_folded, source_reference, source_status, status, attributes)
        values (p_order_key, s.scheduled_procedure_step_id, s.modality,
            s.scheduled_station_ae_titles, s.scheduled_station_names, s.scheduled_location,
            s.start_date, s.start_time, s.end_date, s.end_time, s.performing_physician_name,
            s.performing_physician_name_folded, s.source_reference, s.source_status, s.status,
            s.attributes)
        on conflict (order_key, scheduled_procedure_step_id) do update set
            modality = excluded.modality,
            scheduled_station_ae_titles = excluded.scheduled_station_ae_titles,
            scheduled_station_names = excluded.scheduled_station_names,
            scheduled_location = excluded.scheduled_location,
            start_date = excluded.start_date, start_time = excluded.start_time,
            end_date = excluded.end_date, end_time = excluded.end_time,
            performing_physician_name = excluded.performing_physician_name,
            performing_physician_name_folded = excluded.performing_physician_name_folded,
            status = isthmus.worklist_next_status(t.status, case
                when excluded.source_status is distinct from t.source_status
                    then coalesce(excluded.source_status, 'SCHEDULED') end),
            source_reference = coalesce(excluded.source_reference, t.source_reference),
            source_status = excluded.source_status,
            attributes = excluded.attributes, changed_at = now();
    end loop;
    if p_all then
        update isthmus.worklist_step set status = 'CANCELED', source_status = 'CANCELED',
            changed_at = now()
        where order_key = p_order_key and scheduled_procedure_step_id <> all (v_ids)
          and status in ('SCHEDULED', 'ARRIVED', 'READY');
    end if;
end $$;

-- Whether what @o says of @w was over when it was said: an answer that took long, or a page that
-- the server keeps. Its clock may have been set back, so a higher version number counts for more.
create function worklist_is_stale(w worklist_order, o jsonb) returns boolean
    language plpgsql stable as $$
declare
    t timestamptz := (o ->> 'source_updated_at')::timestamptz;
    n numeric := case when o ->> 'source_version' ~ '^[0-9]{1,18}$'
                      then (o ->> 'source_version')::numeric end;
    n_old numeric := case when w.source_version ~ '^[0-9]{1,18}$'
                          then w.source_version::numeric end;
begin
    if (o -> 'current')::boolean or w.source_url is distinct from o ->> 'source_url'
       or w.source_reference is distinct from o ->> 'source_reference' then
        return false;
    end if;
    return coalesce(t < w.source_updated_at and not coalesce(n > n_old, false)
                    or t = w.source_updated_at and n < n_old, false);
end $$;

-- One order without faults. Null: an order that was over before it was known is not needed.
create function worklist_put_one(o jsonb, p_content text, p_prefix text, p_digits integer,
                                 out w isthmus.worklist_order, out result text)
    language plpgsql as $$
declare
    a jsonb := o -> 'attributes';
    v_status text := coalesce(o ->> 'status', 'active');
    v_issuer text := coalesce(isthmus.dicom_issuer(isthmus.dicom_item(a, '00080051')), '');
    v_procedure text := isthmus.dicom_text(a, '00401001');
    v_old isthmus.worklist_order;
    v_of_study isthmus.worklist_order;
begin
    v_old := isthmus.worklist_find(o);
    if v_old.order_key is null then
        if v_status in ('revoked', 'entered-in-error') or v_status = 'completed'
           and isthmus.dicom_text(a, '00080050') is null then
            result := 'ignored';
            return;
        end if;
        result := 'created';
    else
        select * into strict v_old from isthmus.worklist_order
        where order_key = v_old.order_key for no key update;
        if isthmus.worklist_is_stale(v_old, o) then
            w := v_old;
            result := 'unchanged';
            return;
        end if;
        result := 'updated';
    end if;

    w.accession_number := isthmus.dicom_text(a, '00080050');
    w.accession_issuer := v_issuer;
    w.accession_generated := w.accession_number is null;
    w.study_instance_uid := coalesce(isthmus.dicom_text(a, '0020000D'), v_old.study_instance_uid);
    w.patient_id := isthmus.dicom_text(a, '00100020');
    w.issuer_of_patient_id := coalesce(isthmus.dicom_text(a, '00100021'),
        isthmus.dicom_text(isthmus.dicom_item(a, '00100024'), '00400032'), '');
    if w.accession_generated and v_old.order_key is not null then
        w.accession_number := v_old.accession_number;
        w.accession_issuer := v_old.accession_issuer;
        w.accession_generated := v_old.accession_generated;
    end if;
    if w.study_instance_uid is distinct from v_old.study_instance_uid then
        select * into v_of_study from isthmus.worklist_order
        where study_instance_uid = w.study_instance_uid
          and order_key is distinct from v_old.order_key
        order by order_key limit 1;
        if found and w.accession_number is null then
            w.accession_number := v_of_study.accession_number;
            w.accession_issuer := v_of_study.accession_issuer;
        end if;
        if (v_of_study.patient_id, v_of_study.issuer_of_patient_id, v_of_study.accession_number,
                v_of_study.accession_issuer)
            <> (w.patient_id, w.issuer_of_patient_id, w.accession_number, w.accession_issuer) then
            raise exception 'the study of another order' using errcode = 'unique_violation',
                constraint = 'study_instance_uid';
        end if;
    end if;
    w.accession_number := coalesce(w.accession_number,
                                   isthmus.worklist_next_number(p_prefix, p_digits));
    w.requested_procedure_id := coalesce(v_procedure, v_old.requested_procedure_id,
        (select c from unnest(array[w.accession_number]) c
         where not exists (select from isthmus.worklist_order b
                           where b.accession_number = w.accession_number
                             and b.accession_issuer = w.accession_issuer
                             and b.requested_procedure_id = c)),
        isthmus.worklist_next_number(p_prefix, p_digits));
    w.study_instance_uid := coalesce(w.study_instance_uid,
                                     isthmus.uid_of_uuid(gen_random_uuid()));
    a := a - '{00080005,00400100}'::text[]
        || (isthmus.dicom_element('00080050', 'SH', w.accession_number)
            || isthmus.dicom_element('00401001', 'SH', w.requested_procedure_id)
            || isthmus.dicom_element('0020000D', 'UI', w.study_instance_uid));
    w.source := case when v_old.source_url is not null and o ->> 'source_url' is null
                     then v_old.source else coalesce(o ->> 'source', 'sql') end;
    w.source_url := coalesce(o ->> 'source_url', v_old.source_url);
    w.source_reference := coalesce(case
        when v_old.source_url is null or o ->> 'source_url' is not null
            then o ->> 'source_reference' end, v_old.source_reference);
    w.source_version := coalesce(o ->> 'source_version', v_old.source_version);
    w.source_updated_at := coalesce((o ->> 'source_updated_at')::timestamptz,
                                    v_old.source_updated_at);
    w.patient_reference := coalesce(o ->> 'patient_reference', v_old.patient_reference);
    w.encounter_reference := coalesce(o ->> 'encounter_reference', v_old.encounter_reference);
    w.placer_order_number := coalesce(isthmus.dicom_text(a, '00402016'),
                                     isthmus.dicom_text(a, '00402006'));
    w.placer_issuer := isthmus.dicom_issuer(isthmus.dicom_item(a, '00400026'));
    w.filler_order_number := coalesce(isthmus.dicom_text(a, '00402017'),
                                     isthmus.dicom_text(a, '00402007'));
    w.filler_issuer := isthmus.dicom_issuer(isthmus.dicom_item(a, '00400027'));
    w.patient_name := isthmus.dicom_name(a, '00100010');
    w.patient_name_folded := isthmus.fold_name(w.patient_name);
    w.patient_birth_date := isthmus.dicom_date(isthmus.dicom_text(a, '00100030'));
    w.patient_sex := isthmus.dicom_text(a, '00100040');
    w.status := case when v_status is distinct from v_old.source_status then v_status
                     else v_old.status end;
    if v_old.order_key is null then
        insert into isthmus.worklist_order (source, source_url, source_reference, source_version,
            source_updated_at, patient_reference, encounter_reference, placer_order_number,
            placer_issuer, filler_order_number, filler_issuer, accession_number,
            accession_issuer, accession_generated, requested_procedure_id, study_instance_uid,
            issuer_of_patient_id, patient_id, patient_name, patient_name_folded,
            patient_birth_date, patient_sex, source_status, content, status, attributes)
        values (w.source, w.source_url, w.source_reference, w.source_version,
            w.source_updated_at, w.patient_reference, w.encounter_reference,
            w.placer_order_number, w.placer_issuer, w.filler_order_number, w.filler_issuer,
            w.accession_number, w.accession_issuer, w.accession_generated,
            w.requested_procedure_id, w.study_instance_uid, w.issuer_of_patient_id, w.patient_id,
            w.patient_name, w.patient_name_folded, w.patient_birth_date, w.patient_sex, v_status,
            p_content, w.status, a)
        returning order_key into w.order_key;
    else
        w.order_key := v_old.order_key;
        update isthmus.worklist_order set source = w.source, source_url = w.source_url,
            source_reference = w.source_reference, source_version = w.source_version,
            source_updated_at = w.source_updated_at, patient_reference = w.patient_reference,
            encounter_reference = w.encounter_reference,
            placer_order_number = w.placer_order_number, placer_issuer = w.placer_issuer,
            filler_order_number = w.filler_order_number, filler_issuer = w.filler_issuer,
            accession_number = w.accession_number, accession_issuer = w.accession_issuer,
            accession_generated = w.accession_generated,
            requested_procedure_id = w.requested_procedure_id,
            study_instance_uid = w.study_instance_uid,
            issuer_of_patient_id = w.issuer_of_patient_id, patient_id = w.patient_id,
            patient_name = w.patient_name, patient_name_folded = w.patient_name_folded,
            patient_birth_date = w.patient_birth_date, patient_sex = w.patient_sex,
            source_status = v_status, content = p_content, status = w.status,
            status_reason = case when v_status is not distinct from v_old.source_status
                                 then v_old.status_reason end,
            attributes = a, changed_at = now()
        where order_key = w.order_key;
    end if;
    if v_old.status <> w.status and w.status in ('active', 'draft', 'on-hold') then
        perform isthmus.worklist_follow(w.order_key, w.status);
    end if;
    perform isthmus.worklist_put_steps(w.order_key, o #> '{attributes,00400100,Value}',
                                       o -> 'step_references',
                                       result = 'updated' and (o -> 'all_steps')::boolean);
    if w.status in ('revoked', 'entered-in-error', 'completed') then
        perform isthmus.worklist_follow(w.order_key, w.status);
    end if;
end $$;

-- @o has faults, but says that the order is over: so much is believed of one that the server is
-- known for. Null: it is not over, or is none that is known.
create function worklist_put_over(o jsonb, out w isthmus.worklist_order, out result text)
    language plpgsql as $$
declare
    v_status text := o ->> 'status';
begin
    if v_status not in ('revoked', 'entered-in-error', 'completed') then
        return;
    end if;
    select * into w from isthmus.worklist_order
    where source_reference = o ->> 'source_reference' and source_url = o ->> 'source_url'
    for no key update;
    if w.order_key is null then
        result := case when v_status <> 'completed' and o ? 'source_reference' then 'ignored' end;
    elsif isthmus.worklist_is_stale(w, o) or w.source_status is not distinct from v_status then
        result := 'unchanged';
    else
        result := 'updated';
        update isthmus.worklist_order set status = v_status, source_status = v_status,
            source_version = o ->> 'source_version',
            source_updated_at = (o ->> 'source_updated_at')::timestamptz, content = '',
            status_reason = null, changed_at = now()
        where order_key = w.order_key;
        perform isthmus.worklist_follow(w.order_key, v_status);
    end if;
end $$;

create function worklist_result(result text, w worklist_order) returns jsonb
    language plpgsql immutable as $$
begin
    return jsonb_strip_nulls(jsonb_build_object('result', result, 'order_key', w.order_key,
        'accession_number', w.accession_number,
        'requested_procedure_id', w.requested_procedure_id,
        'study_instance_uid', w.study_instance_uid));
end $$;

-- Put orders into the worklist: the one way in, with all checks. @p_orders is an order or an array
-- of orders; what comes back has an object for each, in this order:
--   {"result": "created" | "updated" | "unchanged" | "ignored" | "refused",
--    "order_key", "accession_number", "requested_procedure_id", "study_instance_uid",
--    "faults": ["Patient ID (0010,0020) is missing", …]}
-- An order is a Modality Worklist item (PS3.4 table K.6-1) in DICOM JSON (PS3.18 F), text in UTF-8,
-- with all its steps as items of Scheduled Procedure Step Sequence (0040,0100):
--   {"attributes": {"00100020": {"vr": "LO", "Value": ["4711"]},
--                   "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}, …,
--                   "00400100": {"vr": "SQ", "Value": [{"00080060": {"vr": "CS", …}, …}]}},
--    "status": "active", "source": "ris", …}
-- Beside attributes all is optional: status as in FHIR; all_steps true: steps that are not named
-- any more are cancelled; source, source_url, source_reference, source_version,
-- source_updated_at, patient_reference, encounter_reference as the columns of worklist_order;
-- step_references: {step ID: source_reference of the step}. An object without attributes is the
-- item itself.
-- There must be patient ID and name, and for each step modality and start date; without start time
-- it is midnight, since modalities are owed one (type 1). Several requested procedures of one
-- patient and accession number may be of one study. Without accession number it is that of the
-- study, else made of @p_prefix and @p_digits digits, without gaps; without Study Instance UID one
-- is made of a UUID. An order is recognized when it comes again (see worklist_find) and then
-- replaces what was known of it; the same content changes nothing, nor does a version older than
-- the one that is known (see worklist_is_stale) unless current is true; a status that somebody
-- changed here stays until the source says another one. An order with faults is refused as a whole,
-- the others go in.
-- Roles may be granted this function and select on the view worklist, and need nothing else.
create function worklist_put(p_orders jsonb, p_prefix text default 'I', p_digits integer default 9)
    returns jsonb language plpgsql security definer set search_path = isthmus, pg_temp
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off -- plans made while the tables are empty serve until the end
    set jit = off as $$
declare
    o jsonb;
    p record;
    v_faults text[];
    v_results jsonb[] := '{}';
    v_due bigint[] := '{}';
    v_constraint text;
    v_content text;
    w isthmus.worklist_order;
begin
    if p_prefix !~ '^[A-Za-z0-9_-]*$' or p_digits < 1 or length(p_prefix) + p_digits > 16 then
        raise exception 'an accession number has at most 16 characters'
            using errcode = 'invalid_parameter_value';
    end if;
    -- One at a time, so that two do not both find that an order is new.
    perform pg_advisory_xact_lock(hashtextextended('isthmus.worklist_put', 0));
    for o in select * from jsonb_array_elements(case jsonb_typeof(p_orders)
                 when 'array' then p_orders else jsonb_build_array(p_orders) end) loop
        v_faults := '{}';
        v_content := md5((case when jsonb_typeof(o) = 'object'
            then o - '{source_version,source_updated_at,current}'::text[] else o end)::text);
        select * into w from isthmus.worklist_order where content = v_content;
        if found then
            if w.source_version is distinct from o ->> 'source_version' then
                begin
                    update isthmus.worklist_order x set source_version = o ->> 'source_version',
                        source_updated_at = coalesce((o ->> 'source_updated_at')::timestamptz,
                                                     source_updated_at)
                    where order_key = w.order_key and not isthmus.worklist_is_stale(x, o);
                exception
                    when data_exception then null; -- a time that is none
                end;
            end if;
            v_results := v_results || isthmus.worklist_result('unchanged', w);
            continue;
        end if;
        if jsonb_typeof(o) <> 'object' then
            v_faults := '{the order is not a JSON object}';
        else
            if not o ? 'attributes' then
                o := jsonb_build_object('attributes', o);
            end if;
            v_faults := isthmus.worklist_faults(o);
        end if;
        if v_faults = '{}' and isthmus.dicom_text(o -> 'attributes', '00080050') is null
           and isthmus.dicom_text(o -> 'attributes', '0020000D') is null
           and isthmus.dicom_text(o -> 'attributes', '00401001') is null
           and coalesce(isthmus.dicom_text(o -> 'attributes', '00402016'),
                        isthmus.dicom_text(o -> 'attributes', '00402017'),
                        isthmus.dicom_text(o -> 'attributes', '00402006'),
                        isthmus.dicom_text(o -> 'attributes', '00402007'),
                        o ->> 'source_reference') is null then
            v_faults := array['it has neither accession number, order number, Requested Procedure '
                'ID nor Study Instance UID: it could not be recognized when it comes again'];
        end if;
        if v_faults = '{}' or o ? 'source_url' and o ? 'source_reference' then
            begin
                if v_faults = '{}' then
                    p := isthmus.worklist_put_one(o, v_content, p_prefix, p_digits);
                    if p.result in ('created', 'updated') then
                        v_due := v_due || (p.w).order_key;
                    end if;
                else
                    p := isthmus.worklist_put_over(o);
                end if;
                if p.result is not null then
                    v_results := v_results || isthmus.worklist_result(p.result, p.w);
                    continue;
                end if;
            exception
                when unique_violation then
                    get stacked diagnostics v_constraint = constraint_name;
                    v_faults := array[case when v_constraint like '%study_instance_uid%'
                        then 'Study Instance UID (0020,000D) is that of an order of another '
                             'patient or accession number'
                        else 'accession number and Requested Procedure ID are those of another '
                             'order' end];
                when data_exception or check_violation or sequence_generator_limit_exceeded then
                    v_faults := array[format('the database refuses it (%s)', sqlstate)];
            end;
        end if;
        v_results := v_results || jsonb_build_object('result', 'refused',
                                                     'faults', to_jsonb(v_faults));
    end loop;
    -- Those that are there are locked: who looks for studies leaves them until this is committed.
    insert into isthmus.worklist_due (order_key) select distinct i from unnest(v_due) i order by i
    on conflict (order_key) do update set order_key = excluded.order_key;
    return to_jsonb(v_results);
end $$;

-- A person, or what happens here, sets the status of an order (its steps follow) or of a step.
-- False: there is none, or it has gone too far for that.
create function worklist_set_status(p_order_key bigint, p_status text) returns boolean
    language plpgsql security definer set search_path = isthmus, pg_temp as $$
begin
    update worklist_order set status = p_status, status_reason = null, changed_at = now()
    where order_key = p_order_key and status <> p_status;
    if not found then
        return false;
    end if;
    perform worklist_follow(p_order_key, p_status);
    return true;
end $$;

-- The server @p_url has no @p_reference any more: the order is revoked. When it has it again, that
-- is a change like any other. False: the order was over already.
create function worklist_gone(p_url text, p_reference text, p_reason text) returns boolean
    language plpgsql security definer set search_path = isthmus, pg_temp as $$
declare
    v_key bigint;
begin
    update worklist_order set status = 'revoked', source_status = 'deleted', content = '',
        source_version = null, source_updated_at = null, status_reason = p_reason,
        changed_at = now()
    where source_url = p_url and source_reference = p_reference
      and status in ('draft', 'active', 'on-hold')
    returning order_key into v_key;
    if v_key is null then
        return false;
    end if;
    perform worklist_follow(v_key, 'revoked');
    return true;
end $$;
create function worklist_set_step_status(p_step_key bigint, p_status text) returns boolean
    language plpgsql security definer set search_path = isthmus, pg_temp as $$
begin
    update worklist_step set status = p_status, changed_at = now()
    where step_key = p_step_key and status <> p_status
      and worklist_next_status(status, p_status) = p_status;
    return found;
end $$;

-- What a RIS may read: a row for each scheduled procedure step.
create view worklist as
    select o.order_key, s.step_key, o.status as order_status, s.status as step_status,
        o.accession_number, o.accession_issuer, o.placer_order_number, o.placer_issuer,
        o.filler_order_number, o.filler_issuer, o.requested_procedure_id, o.study_instance_uid,
        s.scheduled_procedure_step_id, s.modality, s.scheduled_station_ae_titles,
        s.scheduled_station_names, s.scheduled_location, s.start_date, s.start_time, s.end_date,
        s.end_time, s.performing_physician_name, o.patient_id, o.issuer_of_patient_id,
        o.patient_name, o.patient_birth_date, o.patient_sex, o.source, o.source_url,
        o.source_reference, greatest(o.changed_at, s.changed_at) as changed_at,
        o.attributes as order_attributes, s.attributes as step_attributes
    from worklist_order o join worklist_step s using (order_key);

-- The server @p_url has no @p_reference any more, which scheduled steps.
create function worklist_step_gone(p_url text, p_reference text) returns void
    language plpgsql security definer set search_path = isthmus, pg_temp as $$
declare
    v_key bigint;
begin
    for v_key in
        update worklist_order set content = '', changed_at = now()
        where source_url = p_url and order_key in (
            select order_key from worklist_step
            where source_reference = p_reference and status in ('SCHEDULED', 'ARRIVED', 'READY'))
        returning order_key
    loop
        update worklist_step set status = 'CANCELED', source_status = 'CANCELED',
            changed_at = now()
        where order_key = v_key and source_reference = p_reference
          and status in ('SCHEDULED', 'ARRIVED', 'READY');
    end loop;
end $$;

revoke execute on function worklist_put(jsonb, text, integer),
    worklist_set_status(bigint, text), worklist_set_step_status(bigint, text),
    worklist_gone(text, text, text), worklist_step_gone(text, text) from public;
grant execute on function worklist_put(jsonb, text, integer), worklist_gone(text, text, text),
    worklist_step_gone(text, text) to isthmus_fhir;
grant execute on function worklist_set_status(bigint, text),
    worklist_set_step_status(bigint, text) to isthmus_fhir, isthmus_scp;
grant select on worklist, worklist_order, worklist_step to isthmus_scp, isthmus_fhir;
grant select, update, delete on worklist_due to isthmus_scp, isthmus_fhir;
grant update (status, changed_at) on worklist_step to isthmus_scp, isthmus_fhir;
grant select, insert, update, delete on worklist_source, worklist_round to isthmus_fhir;
