//! A test for each fact.

/// Makes a test of each fact, on empty places as the expression makes them: `Fn() -> Subject`.
#[macro_export]
macro_rules! hold {
    ($make:expr) => {
        $crate::hold! { @tests ($make)
            begun::a_dump_is_begun_once
            begun::a_begun_dump_is_listed_as_incomplete
            begun::a_begun_dump_can_be_deleted
            archives::a_published_archive_reads_back
            archives::an_archive_is_read_from_any_byte_on
            archives::a_large_archive_reads_back
            archives::an_archive_is_not_there_before_it_is_published
            archives::an_archive_that_is_dropped_leaves_nothing
            archives::a_published_archive_is_never_overwritten
            archives::archives_are_written_side_by_side
            archives::an_archive_of_a_dump_that_was_never_begun_is_refused
            archives::an_archive_of_a_deleted_dump_is_not_published
            records::a_record_reads_back
            records::a_record_may_be_put_again_and_never_changes
            records::a_shard_without_a_record_has_none
            commits::a_committed_dump_is_found_and_sound
            commits::a_dump_may_be_committed_again_and_never_changes
            commits::a_dump_is_not_committed_without_its_archives
            commits::a_dump_is_committed_by_who_did_not_write_it
            commits::a_dropped_dump_leaves_nothing
            listings::an_empty_place_holds_no_dumps
            listings::dumps_of_all_indexes_are_listed_from_old_to_new
            listings::a_dump_is_found_by_its_id_and_opened_by_its_index
            deletions::a_deleted_dump_is_gone_and_its_neighbours_stay
            deletions::what_was_never_there_cannot_be_deleted
        }
    };
    (@tests ($make:expr) $($module:ident :: $fact:ident)*) => {
        $(
            #[test]
            fn $fact() {
                let make = $make;
                $crate::facts::$module::$fact(&make());
            }
        )*
    };
}
