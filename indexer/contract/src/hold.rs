//! A test for each fact.

/// Makes a test of each fact, on shards as the expression makes them: `Fn(IndexSchema) -> impl Future<Output = Subject>`.
#[macro_export]
macro_rules! hold {
    ($make:expr) => {
        $crate::hold! { @tests ($make)
            writes::a_write_is_seen_by_the_next_read
            writes::writes_of_one_batch_see_each_other
            writes::every_change_has_a_seq_and_what_changes_nothing_has_none
            writes::a_condition_is_on_the_last_write_of_the_document
            writes::a_refused_batch_leaves_no_trace
            writes::a_write_whose_time_is_over_is_not_done
            writes::a_patch_merges_metadata_and_keeps_the_vector
            writes::a_patch_with_a_vector_keeps_the_metadata
            writes::a_delete_by_filter_takes_what_matches
            writes::a_delete_of_nothing_changes_nothing
            writes::an_empty_batch_is_written
            searches::hits_are_nearest_first_under_every_metric
            searches::equal_distances_are_ordered_by_id
            searches::there_are_never_more_hits_than_documents
            searches::every_query_has_its_result_in_its_place
            searches::the_excepted_document_is_no_hit_and_takes_no_place
            searches::a_filter_narrows_a_search_before_it_counts_hits
            searches::a_query_that_does_not_fit_is_refused
            searches::hits_carry_what_was_asked_for
            reads::documents_come_in_the_order_asked
            reads::a_vector_comes_back_as_it_was_sent
            reads::metadata_comes_back_as_it_was_sent
            reads::what_is_not_asked_for_is_not_returned
            reads::a_listing_goes_on_behind_its_cursor
            reads::a_listing_is_in_the_order_of_bytes
            reads::every_test_of_a_filter_is_the_filters_own_truth
            reads::a_read_whose_time_is_over_has_no_answer
            reads::the_status_tells_where_the_shard_stands
            changes::every_document_that_has_changed_is_told_as_it_is_now
            changes::each_shard_of_another_number_is_told_of_its_own_documents
            changes::who_asks_again_and_again_comes_to_the_end
            changes::changes_of_another_history_or_ahead_are_refused
            positions::what_was_read_or_written_may_be_asked_for
            positions::a_position_of_another_history_is_refused
            positions::a_position_that_lies_ahead_is_refused
        }
    };
    (@tests ($make:expr) $($module:ident :: $fact:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $fact() {
                $crate::facts::$module::$fact(&$make).await;
            }
        )*
    };
}
