accelerate launch --num_cpu_threads_per_process 1 --mixed_precision bf16 ^
src\musubi_tuner\qwen_image_train_network.py ^
--dit "D:\musubi-tuner\models\qwen_image_edit_2509_bf16.safetensors" ^
--vae "D:\musubi-tuner\models\vae.safetensors" ^
--text_encoder "D:\musubi-tuner\models\qwen_2.5_vl_7b.safetensors" ^
--dataset_config "D:\musubi-tuner\trainings\my_lora\train_qwen_image.toml" ^
--edit_plus --sdpa --mixed_precision bf16 ^
--timestep_sampling shift --weighting_scheme none --discrete_flow_shift 2.2 ^
--optimizer_type AdamW --learning_rate 1e-5 --gradient_checkpointing ^
--max_data_loader_n_workers 2 --persistent_data_loader_workers ^
--network_module networks.lora_qwen_image --network_dim 16 ^
--max_train_epochs 10 --save_every_n_epochs 1 --seed 42 ^
--output_dir "D:\musubi-tuner\trainings\my_lora\output" ^
--output_name "my_lora"
--use_pinned_memory_for_block_swap
